"""What the bot's template says, beside the image and the schedule that it goes with."""

import base64
import re
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

from tests.infra.documented import replacing
from tests.infra.stacks import IMPORTS, WAYS, bot
from tests.infra.template import BOT, ROOT, load

MAX_LATENESS = 15  # minutes, risk.max_lateness_minutes


def properties(name, way="Scheduled", **parameters):
    return bot(way, **parameters)[name]["Properties"]


def container(way="Scheduled"):
    (only,) = properties("TaskDefinition", way)["ContainerDefinitions"]
    return only


@pytest.mark.slow
def test_cfn_lint_finds_nothing():
    lint = Path(sys.executable).with_name("cfn-lint")

    found = subprocess.run([lint, "--regions", "eu-central-1", "--", BOT], capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize(
    ("way", "own"),
    [
        ("Scheduled", {"Schedule"}),
        ("ServiceFargate", {"Service"}),
        ("ServiceEC2", {"Service", "LaunchTemplate", "Instances"}),
    ],
)
def test_each_way_has_its_own_resources_and_the_rest_in_common(way, own):
    common = set.intersection(*(set(bot(each)) for each in WAYS))

    assert set(bot(way)) - common == own
    assert {"Cluster", "TaskDefinition", "LogGroup", "Topic", "NoCompletedRun", "TaskFailed"} <= common


def test_nobody_is_subscribed_without_an_address():
    assert "Subscription" not in bot()
    assert properties("Subscription", AlarmEmail="a@example.org")["Endpoint"] == "a@example.org"


def test_the_stack_holds_no_role_no_data_and_no_way_in():
    kinds = {each["Type"] for each in load(BOT)["Resources"].values()}

    assert not [
        kind for kind in kinds if kind.split("::")[1] in ("IAM", "S3", "SecretsManager", "ElasticLoadBalancingV2")
    ]
    assert "portMappings" not in {key[0].lower() + key[1:] for key in container()}


def test_the_schedule_has_the_chances_of_the_crontab_and_tries_no_longer_than_an_hour_counts():
    (line,) = [each for each in (ROOT / "cron-job").read_text().splitlines() if each[:1].isdigit()]
    schedule = properties("Schedule")

    minutes, *rest = schedule["ScheduleExpression"].removeprefix("cron(").removesuffix(")").split()
    assert [minutes, *rest] == [line.split()[0], "*", "*", "*", "?", "*"]
    assert (schedule["ScheduleExpressionTimezone"], schedule["State"]) == ("UTC", "ENABLED")
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    last = max(int(each) for each in minutes.split(","))
    retries = schedule["Target"]["RetryPolicy"]
    assert last + retries["MaximumEventAgeInSeconds"] / 60 <= MAX_LATENESS
    assert retries["MaximumRetryAttempts"] > 0


def test_the_task_fits_the_image_that_it_runs():
    dockerfile = (ROOT / "Dockerfile").read_text()
    word = re.search(r'"command":\["(\w+)"\]', properties("Schedule")["Target"]["Input"])[1]

    volumes = re.search(r"^VOLUME (\[.*\])$", dockerfile, re.MULTILINE)[1]
    assert [each["ContainerPath"] for each in container()["MountPoints"]] == re.findall(r'"([^"]+)"', volumes)
    assert f"USER {container()['User']}\n" in dockerfile
    assert container()["HealthCheck"]["Command"] == ["CMD", "/opt/trader/libexec/health.sh"]
    assert (ROOT / "docker" / "health.sh").is_file()
    assert re.search(rf"^  (\w+ \| )?{word}( \| \w+)?\)", (ROOT / "docker" / "entrypoint.sh").read_text(), re.MULTILINE)


@pytest.mark.parametrize("way", WAYS)
def test_a_task_is_a_container_that_may_do_nothing_else(way):
    only = container(way)

    assert (only["Privileged"], only["ReadonlyRootFilesystem"]) == (False, True)
    assert only["LinuxParameters"] == {"Capabilities": {"Drop": ["ALL"]}}
    assert all("Host" not in volume for volume in properties("TaskDefinition", way)["Volumes"])
    assert properties("TaskDefinition", way)["NetworkMode"] != "host"


@pytest.mark.parametrize("memory", [None, 2048])
def test_the_least_memory_is_a_gigabyte(memory):
    allowed = load(BOT)["Parameters"]["Memory"]["AllowedValues"]

    assert min(allowed) == 1024
    wanted = {} if memory is None else {"Memory": memory}
    assert properties("TaskDefinition", **wanted)["Memory"] == (memory or 1024)


def test_an_instance_keeps_its_role_to_itself_and_joins_the_cluster():
    data = properties("LaunchTemplate", "ServiceEC2", references={"Cluster": "trader"})["LaunchTemplateData"]

    assert data["MetadataOptions"] == {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
        "HttpEndpoint": "enabled",
    }
    assert [each["Ebs"]["Encrypted"] for each in data["BlockDeviceMappings"]] == [True]
    assert [each["AssociatePublicIpAddress"] for each in data["NetworkInterfaces"]] == [True]
    assert 'echo "ECS_CLUSTER=trader" >>/etc/ecs/ecs.config\n' in base64.b64decode(data["UserData"]).decode()
    assert load(BOT)["Parameters"]["InstanceImage"]["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"


def test_logs_end_and_are_not_waited_for():
    options = container()["LogConfiguration"]["Options"]

    assert properties("LogGroup")["RetentionInDays"] == 90
    assert options["mode"] == "non-blocking"


@pytest.mark.parametrize(("before", "after"), list(permutations(WAYS, 2)))
def test_a_change_of_way_replaces_nothing_under_a_name_that_is_taken(before, after):
    """CloudFormation makes the new one first, and refuses to when the old one still has the name."""
    old, new, replaced = bot(before), bot(after), []
    for logical in set(old) & set(new):
        was, will, kind = old[logical]["Properties"], new[logical]["Properties"], new[logical]["Type"]
        changed = {key for key in replacing(kind) if was.get(key) != will.get(key)}
        names = {key for key in replacing(kind) if key.endswith("Name")}
        if changed and kind != "AWS::ECS::TaskDefinition":  # its name goes on with the next number
            replaced.append(logical)
            assert changed & names, f"{logical} is replaced for {changed} and keeps its name"
    assert replaced == (["Service"] if "Scheduled" not in (before, after) else [])


@pytest.mark.parametrize("way", WAYS)
def test_every_name_begins_with_the_bots_own(way):
    named = re.compile(r"(Cluster|Group|Topic|Rule|Alarm|Schedule|Service|LaunchTemplate|AutoScalingGroup)?Name|Family")

    imports = {key.replace("trader-", "other-", 1): value for key, value in IMPORTS.items()}

    for logical, resource in bot(way, imports=imports, Name="other").items():
        for key, value in resource["Properties"].items():
            if named.fullmatch(key) and resource["Type"] != "AWS::Logs::MetricFilter":
                assert re.match(r"/?other\b", value), logical
