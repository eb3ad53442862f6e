"""What a deployment does about a stack that takes its time, fails, is stuck, or cannot be changed at all."""

from datetime import timedelta

import pytest

from tests.deploy.cloud import Refusal
from tests.deploy.played import NEW, OLD, START

pytestmark = pytest.mark.slow

BROKEN = ("Service", "UPDATE_FAILED", "Resource handler returned message: circuit breaker was triggered")


def busy(played, cloud, *, minutes, then, event=None):
    """The next change of the stack takes so long and ends like that."""

    def begin():
        cloud.door.after.pop("UpdateStack")
        cloud.set_stack("UPDATE_IN_PROGRESS")
        played.due.append((played.now() + timedelta(minutes=minutes), end))

    def end():
        if then == "UPDATE_ROLLBACK_COMPLETE":
            cloud.stack("trader-bot").parameters["Commit"] = OLD
        cloud.set_stack(then, event=event, at=played.now())

    cloud.door.after["UpdateStack"] = begin


def test_a_change_that_takes_its_time_is_waited_for(deployed, played, cloud):
    busy(played, cloud, minutes=2, then="UPDATE_COMPLETE")

    assert deployed("deploy", "--commit", NEW) == 0
    assert "trader-bot is UPDATE_IN_PROGRESS" in deployed.said


def test_the_old_resources_being_cleaned_up_does_not_hold_up_the_probe(deployed, played, cloud):
    busy(played, cloud, minutes=1, then="UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")

    assert deployed("deploy", "--commit", NEW) == 0


def test_what_cloudformation_puts_back_itself_is_not_put_back_again(deployed, played, cloud):
    busy(played, cloud, minutes=2, then="UPDATE_ROLLBACK_COMPLETE", event=BROKEN)

    assert deployed("deploy", "--commit", NEW) == 1
    assert "Service UPDATE_FAILED: Resource handler returned message: circuit" in deployed.outcome["reason"]
    assert f"The bot runs {OLD} as before" in deployed.outcome["reason"]
    assert cloud.door.seen.count("UpdateStack") == 1
    assert len(cloud.messages()) == 1


def test_a_change_that_never_settles_is_cancelled(deployed, played, cloud):
    busy(played, cloud, minutes=999, then="UPDATE_COMPLETE")
    cloud.door.after["CancelUpdateStack"] = lambda: cloud.set_stack("UPDATE_ROLLBACK_COMPLETE")

    assert deployed("deploy", "--commit", NEW) == 1
    assert "has not settled within 25 minutes: cancelling the update" in deployed.said


def test_a_rollback_that_cannot_be_made_says_so_and_what_may_still_run(deployed, played, cloud):
    played.exits[NEW] = 3
    refusal = Refusal(code="ValidationError", words="Template format error")
    cloud.door.after["UpdateStack"] = lambda: cloud.door.refusals.update({"UpdateStack": [refusal]})

    assert deployed("deploy", "--commit", NEW) == 2
    assert (
        "NOT rolled back: cloudformation:UpdateStack failed: ValidationError, Template format error"
        in (deployed.outcome["reason"])
    )
    assert f"The bot may still run {NEW}" in deployed.outcome["reason"]
    assert [subject for subject, _ in cloud.messages()] == [f"trader: deployment of {NEW[:12]} failed, NOT rolled back"]


def test_a_rollback_that_fails_on_its_way_is_no_rollback(deployed, played, cloud):
    played.exits[NEW] = 3
    cloud.door.after["UpdateStack"] = lambda: busy(
        played, cloud, minutes=1, then="UPDATE_ROLLBACK_FAILED", event=BROKEN
    )

    assert deployed("deploy", "--commit", NEW) == 2
    assert "continue-update-rollback --stack-name trader-bot --region eu-central-1" in deployed.outcome["reason"]


@pytest.mark.parametrize("status", ["CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"])
def test_a_stack_that_was_never_whole_has_to_be_deleted_by_a_person(deployed, cloud, status):
    cloud.set_stack(status)

    assert deployed("deploy", "--commit", NEW) == 3
    assert f"trader-bot is {status}" in deployed.outcome["reason"]
    assert "aws cloudformation delete-stack --stack-name trader-bot --region eu-central-1" in deployed.outcome["reason"]
    assert "UpdateStack" not in cloud.door.seen


def test_somebody_elses_change_is_waited_for(deployed, played, cloud):
    cloud.set_stack("UPDATE_IN_PROGRESS")
    played.due.append((START + timedelta(minutes=2), lambda: cloud.set_stack("UPDATE_COMPLETE")))

    assert deployed("deploy", "--commit", NEW) == 0
    assert "somebody else's change is under way" in deployed.said


def test_somebody_elses_change_that_does_not_end_is_named_and_nothing_is_changed(deployed, cloud):
    cloud.set_stack("UPDATE_IN_PROGRESS")

    assert deployed("deploy", "--commit", NEW) == 3
    assert "an update is ended by aws cloudformation cancel-update-stack" in deployed.outcome["reason"]
    assert "UpdateStack" not in cloud.door.seen


def test_a_template_that_aws_refuses_changes_nothing(deployed, played, cloud):
    words = "Template error: instance of Fn::GetAtt references undefined resource Clusterr"
    cloud.door.refusals["UpdateStack"] = [Refusal(code="ValidationError", words=words)]

    assert deployed("deploy", "--commit", NEW) == 3
    assert words in deployed.outcome["reason"]
    assert played.commit == OLD
    assert cloud.messages() == []


def test_a_stack_that_is_still_cleaned_up_is_waited_for_before_it_is_changed(deployed, played, cloud):
    cloud.set_stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    played.due.append((START + timedelta(minutes=2), lambda: cloud.set_stack("UPDATE_COMPLETE")))

    assert deployed("rollback", "--commit", NEW) == 0
    assert played.now() >= START + timedelta(minutes=2)


def test_a_rollback_waits_until_the_failed_change_is_cleaned_up(deployed, played, cloud):
    played.exits[NEW] = 3
    cleaned = START + timedelta(minutes=3)

    def clean_up():
        cloud.door.after.pop("UpdateStack")
        cloud.set_stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        played.due.append((cleaned, lambda: cloud.set_stack("UPDATE_COMPLETE")))

    cloud.door.after["UpdateStack"] = clean_up

    assert deployed("deploy", "--commit", NEW) == 1
    assert played.now() >= cleaned


def test_aws_being_away_while_the_stack_changes_is_waited_out(deployed, cloud):
    gone = Refusal(code="ServerException")
    cloud.door.after["UpdateStack"] = lambda: cloud.door.refusals.update({"DescribeStacks": [gone]})

    assert deployed("deploy", "--commit", NEW) == 0
    assert "asking again: cloudformation:DescribeStacks was not answered" in deployed.said


def test_only_what_failed_in_this_change_and_first_is_named_as_the_reason(deployed, played, cloud):
    earlier, followed = (
        ("Topic", "CREATE_FAILED", "long ago"),
        ("Schedule", "UPDATE_FAILED", "Resource update cancelled"),
    )
    cloud.set_stack("UPDATE_COMPLETE", event=earlier, at=START - timedelta(hours=1))
    busy(played, cloud, minutes=1, then="UPDATE_ROLLBACK_COMPLETE", event=BROKEN)
    played.due.append(
        (
            START + timedelta(minutes=1),
            lambda: cloud.set_stack("UPDATE_ROLLBACK_COMPLETE", event=followed, at=played.now()),
        )
    )

    assert deployed("deploy", "--commit", NEW) == 1
    assert "Service UPDATE_FAILED" in deployed.outcome["reason"]
    assert "long ago" not in deployed.outcome["reason"]
    assert "cancelled" not in deployed.outcome["reason"]
