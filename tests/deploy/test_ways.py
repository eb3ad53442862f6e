"""The two ways with a service: what ECS says about it ends the waiting early."""

import json
from contextlib import closing
from datetime import timedelta

import pytest

from scripts.deploy_aws import Aws, Clock, Refused
from scripts.deploy_stack import Stack
from scripts.deploy_tasks import probe, revision_of
from tests.deploy.cloud import Refusal
from tests.deploy.played import HOUR, NEW, OLD, START
from tests.deploy.templates import scheduled, service, settings_of

pytestmark = pytest.mark.slow


@pytest.fixture
def served(desk):
    """A desk whose bot is a service of the old version, well and running."""
    desk.template.write_text(service())
    desk.settings.write_text(settings_of(way="ServiceFargate"))
    desk.create(OLD)
    return desk


def of_ecs(cloud):
    return next(iter(cloud.backend("ecs").services.values()))


def later(played, what, *, minutes=2):
    played.due.append((played.now() + timedelta(minutes=minutes), what))


def start_another(played, cloud):
    """A task of the revision that is deployed, as the service would start it."""
    cloud.client("ecs").run_task(cluster="trader", taskDefinition="trader", launchType="FARGATE")
    return cloud.tasks()[-1]


def test_a_service_is_deployed_and_verified(served, played):
    assert served("deploy", "--commit", NEW) == 0, served.said
    assert played.commit == NEW


def test_a_deployment_that_ecs_gives_up_is_rolled_back_at_once(served, played, cloud):
    def give_up():
        revision = cloud.tasks()[-1].task_definition_arn
        said = {"rolloutState": "FAILED", "rolloutStateReason": "tasks failed to start"}
        of_ecs(cloud).deployments[0].update(taskDefinition=revision, **said)

    later(played, give_up)
    began = played.now()

    assert served("deploy", "--commit", NEW) == 1
    assert "ECS has given the deployment up: tasks failed to start" in served.outcome["reason"]
    assert played.now() - began < timedelta(minutes=4)


def test_a_service_that_is_gone_is_noticed(served, played, cloud):
    later(played, lambda: setattr(of_ecs(cloud), "status", "INACTIVE"))

    assert served("deploy", "--commit", NEW) == 1
    assert "there is no service" in served.outcome["reason"]


@pytest.mark.parametrize("code", [1, 2, 3, 5, 137])
def test_a_task_that_ends_with_what_a_person_has_to_look_at_ends_the_waiting(served, played, cloud, code):
    later(played, lambda: played.end(start_another(played, cloud), code=code))

    assert served("deploy", "--commit", NEW) == 1
    assert f"stopped: exit code {code}" in served.outcome["reason"]


@pytest.mark.parametrize("code", [75, 143])
def test_a_task_that_was_stopped_or_found_the_market_away_does_not(served, played, cloud, code):
    later(played, lambda: played.end(start_another(played, cloud), code=code))

    assert served("deploy", "--commit", NEW) == 0


def test_a_task_of_another_revision_that_ends_badly_says_nothing_about_the_new_one(served, played, cloud):
    def fail_elsewhere():
        container = {"name": "bot", "image": "i", "memory": 1024, "environment": [{"name": "COMMIT", "value": OLD}]}
        cloud.client("ecs").register_task_definition(family="trader", containerDefinitions=[container])
        played.end(start_another(played, cloud), code=1)

    later(played, fail_elsewhere)

    assert served("deploy", "--commit", NEW) == 0, served.said


def test_a_task_that_is_never_healthy_ends_the_waiting(served, played, cloud):
    def become_unhealthy():
        start_another(played, cloud).health_status = "UNHEALTHY"
        played.keeps_running = True

    later(played, become_unhealthy)

    assert served("deploy", "--commit", NEW) == 1
    assert "is unhealthy: its container no longer attempts any run" in served.outcome["reason"]


def test_a_service_whose_runs_do_not_come_is_described_at_the_deadline(served, played):
    played.runs.remove(NEW)

    assert served("deploy", "--commit", NEW, "--minutes", "2") == 1
    assert "the service runs 0 of 1 tasks" in served.outcome["reason"]


@pytest.mark.parametrize(
    "answer",
    [
        Refusal(code="", status=200, text=b'{"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}'),
        Refusal(code="InvalidParameterException", words="No Container Instances were found in your cluster."),
    ],
)
def test_an_instance_without_room_for_a_probe_is_no_failure(served, cloud, answer):
    served.settings.write_text(settings_of(way="ServiceEC2"))
    cloud.door.refusals["RunTask"] = [answer]

    assert served("deploy", "--commit", NEW) == 0, served.said
    assert "no room for a second task" in served.said


def test_fargate_without_capacity_is_asked_again(deployed, cloud):
    full = Refusal(code="ClientException", words="Capacity is unavailable at this time. Please try again later")
    cloud.door.refusals["RunTask"] = [full, full]

    assert deployed("deploy", "--commit", NEW) == 0
    assert cloud.door.seen.count("RunTask") == 3


def test_a_change_of_the_way_is_deployed_and_put_back_when_it_fails(served, played, cloud):
    served.template.write_text(scheduled())
    served.settings.write_text(settings_of(way="Scheduled"))
    played.exits[NEW] = 3

    assert served("deploy", "--commit", NEW) == 1
    assert cloud.stack("trader-bot").parameters["Way"] == "ServiceFargate"
    assert played.now() > START


def test_a_task_with_a_network_of_its_own_gets_a_public_address_and_the_foundations_subnets(cloud):
    ecs = cloud.client("ecs")
    container = {"name": "bot", "image": "i", "memory": 1024}
    told = ecs.register_task_definition(family="trader", networkMode="awsvpc", containerDefinitions=[container])
    given = {
        "TaskDefinitionArn": told["taskDefinition"]["taskDefinitionArn"],
        "Way": "Scheduled",
        "SubnetIds": "subnet-1,subnet-2",
        "SecurityGroupId": "sg-1",
        "ClusterName": "trader",
        "LogGroupName": "/trader/bot",
    }
    cloud.door.refusals["RunTask"] = [Refusal(code="AccessDeniedException")]
    aws = Aws(region="eu-central-1")

    revision = revision_of(aws, Stack(name="trader-bot", status="CREATE_COMPLETE", outputs=given))
    with closing(aws), pytest.raises(Refused):
        probe(aws, Clock(), revision, commit=NEW)

    sent = json.loads(cloud.door.sent["RunTask"])
    assert sent["launchType"] == "FARGATE"
    assert sent["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-1"],
        "assignPublicIp": "ENABLED",
    }


def test_a_run_of_the_probes_own_does_not_make_up_for_a_task_that_fails(served, played, cloud):
    def run_and_fail():
        played.run(START.replace(minute=0) - HOUR)
        played.end(start_another(played, cloud), code=1)

    later(played, run_and_fail)

    assert served("deploy", "--commit", NEW) == 1
    assert "exit code 1" in served.outcome["reason"]
