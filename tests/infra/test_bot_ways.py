"""Each of the three ways registers its task and starts it: on moto, by the template where moto has it, else by hand."""

import json

import boto3
import pytest
from moto.ec2.utils import generate_instance_identity_document

from tests.infra.calls import make_starting, schedule, service
from tests.infra.stacks import COMMIT, IMAGE, IMPORTS, SECRET, WAYS, bot, make_bot, make_foundation

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Tried to parse")]


@pytest.fixture
def network(client):
    """What the foundation exports, with a network that moto knows."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{each}.0/24")["Subnet"]["SubnetId"] for each in range(2)]
    group = ec2.create_security_group(GroupName="trader", Description="nothing in", VpcId=vpc)["GroupId"]
    return IMPORTS | {"trader-SubnetIds": ",".join(subnets), "trader-SecurityGroupId": group}


@pytest.mark.parametrize("way", WAYS)
def test_the_stack_is_made_upon_the_foundations_exports(client, way):
    make_foundation(client("cloudformation"))

    made = make_bot(client("cloudformation"), Way=way, AlarmEmail="somebody@example.org")

    assert (made["Way"], made["Image"], made["Commit"]) == (way, IMAGE, COMMIT)
    assert made["StorageUrl"] == "s3://trader-foundation-bucket-1abc/bot"
    assert ("ServiceName" in made, "ScheduleName" in made) == (way != "Scheduled", False)  # moto has no schedules
    task = client("ecs").describe_task_definition(taskDefinition=made["TaskDefinitionArn"])["taskDefinition"]
    assert task["containerDefinitions"][0]["image"] == IMAGE
    (group,) = client("logs").describe_log_groups(logGroupNamePrefix=made["LogGroupName"])["logGroups"]
    assert group["retentionInDays"] == 90
    instances = client("ec2").describe_instances()["Reservations"]
    assert len(instances) == (1 if way == "ServiceEC2" else 0)
    if way != "Scheduled":
        named = [made["ServiceName"]]
        (found,) = client("ecs").describe_services(cluster=made["ClusterName"], services=named)["services"]
        assert (found["desiredCount"], found["taskDefinition"]) == (1, made["TaskDefinitionArn"])


@pytest.mark.parametrize("way", WAYS)
def test_a_task_is_registered_with_all_that_confines_it(client, network, way):
    made = make_starting(client, way, network)

    task = client("ecs").describe_task_definition(taskDefinition=made["TaskDefinition"])["taskDefinition"]

    (container,) = task["containerDefinitions"]
    assert (container["name"], container["user"], container["readonlyRootFilesystem"]) == ("bot", "10001:10001", True)
    assert container["linuxParameters"] == {"capabilities": {"drop": ["ALL"]}}
    assert container["memory"] >= 1024
    assert [point["containerPath"] for point in container["mountPoints"]] == ["/tmp", "/srv/trader"]  # noqa: S108
    assert task["volumes"] == [{"name": "tmp"}, {"name": "data"}]
    assert all(secret["valueFrom"] == f"{SECRET}:{secret['name']}::" for secret in container["secrets"])
    assert container["logConfiguration"]["options"]["awslogs-group"] == "/trader/bot"
    assert container["stopTimeout"] == 30
    if way == "ServiceEC2":
        assert (task["networkMode"], "EC2" in task["compatibilities"]) == ("bridge", True)
        assert container["memoryReservation"] == 512
        assert container["dockerSecurityOptions"] == ["no-new-privileges"]
    else:
        assert (task["networkMode"], task["cpu"], task["memory"]) == ("awsvpc", "512", "1024")
        assert "FARGATE" in task["compatibilities"]
        assert "dockerSecurityOptions" not in container


def test_the_schedule_is_kept_as_written_and_starts_a_task_as_it_says(client, network):
    made = make_starting(client, "Scheduled", network)
    wanted = schedule(bot("Scheduled", imports=network, references=made))

    client("scheduler").create_schedule(**wanted)

    kept = client("scheduler").get_schedule(Name="trader-hourly")
    assert {key: kept[key] for key in wanted} == wanted
    target = kept["Target"]
    assert target["EcsParameters"]["TaskDefinitionArn"] == made["TaskDefinition"]  # a revision, not the newest
    (started,) = _start(client("ecs"), target)
    assert started["taskDefinitionArn"] == made["TaskDefinition"]
    assert started["overrides"]["containerOverrides"] == [{"name": "bot", "command": ["once"]}]
    assert (started["launchType"], started["group"]) == ("FARGATE", "trader-hourly")


def _start(ecs, target):
    """Do what EventBridge Scheduler does with a target: RunTask, with its Input as the overrides."""
    parameters = target["EcsParameters"]
    network = parameters["NetworkConfiguration"]["awsvpcConfiguration"]
    return ecs.run_task(
        cluster=target["Arn"],
        taskDefinition=parameters["TaskDefinitionArn"],
        count=parameters["TaskCount"],
        launchType=parameters["LaunchType"],
        platformVersion=parameters["PlatformVersion"],
        group=parameters["Group"],
        networkConfiguration={
            "awsvpcConfiguration": {key[0].lower() + key[1:]: value for key, value in network.items()}
        },
        overrides=json.loads(target["Input"]),
    )["tasks"]


def _start_for(client, service):
    """Do what ECS does for a service that wants a task; on an instance there has to be one."""
    own = {"networkConfiguration": service["networkConfiguration"]} if "networkConfiguration" in service else {}
    if service["launchType"] == "EC2":
        (instance,) = client("ec2").run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"]
        document = json.dumps(
            generate_instance_identity_document(boto3.resource("ec2").Instance(instance["InstanceId"]))
        )
        client("ecs").register_container_instance(cluster="trader", instanceIdentityDocument=document)
    return client("ecs").run_task(
        cluster=service["clusterArn"],
        taskDefinition=service["taskDefinition"],
        launchType=service["launchType"],
        **own,
    )["tasks"]


@pytest.mark.parametrize("way", ["ServiceFargate", "ServiceEC2"])
def test_the_service_keeps_one_task_and_goes_back_when_a_deploy_fails(client, network, way):
    made = make_starting(client, way, network)
    wanted = service(bot(way, imports=network, references=made))

    client("ecs").create_service(**wanted)

    named = [wanted["serviceName"]]
    (found,) = client("ecs").describe_services(cluster="trader", services=named)["services"]
    assert (found["desiredCount"], found["taskDefinition"]) == (1, made["TaskDefinition"])
    assert found["launchType"] == ("EC2" if way == "ServiceEC2" else "FARGATE")
    (started,) = _start_for(client, found)
    assert (started["taskDefinitionArn"], started["launchType"]) == (made["TaskDefinition"], found["launchType"])
    assert wanted["deploymentConfiguration"] == {
        "minimumHealthyPercent": 0,
        "maximumPercent": 100,
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    }
    if way == "ServiceFargate":
        inner = found["networkConfiguration"]["awsvpcConfiguration"]
        assert inner["assignPublicIp"] == "ENABLED"
        assert inner["subnets"] == network["trader-SubnetIds"].split(",")
        assert inner["securityGroups"] == [network["trader-SecurityGroupId"]]
    else:
        assert "networkConfiguration" not in wanted  # the bridge has the instance's address
