"""Deployments from beginning to end, against moto: only the clock is played."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.deploy.played import HOUR, NEW, OLD, START, loss, record, stopped_by_hand
from tests.deploy.templates import scheduled, settings_of
from trader.core.decision import Reason
from trader.core.journal import Status

pytestmark = pytest.mark.slow

LAST_CLOSED = START.replace(minute=0) - HOUR
"""The open time of the newest kline when a deployment begins: its hour has been run by the old version."""


def test_a_good_version_is_deployed_once_it_has_completed_a_run(deployed, played):
    assert deployed("deploy", "--commit", NEW) == 0, deployed.said

    assert deployed.outcome["previous"] == OLD
    assert deployed.outcome["records"] == ["bot/journal/BTCUSDT/1h/2026/11/21T1700.json"]
    assert played.commit == NEW
    assert f"{played.now():%H:%M}" == "18:01"


def test_the_probe_runs_the_new_revision_once_and_searches_nothing(deployed, cloud):
    deployed("deploy", "--commit", NEW)

    [probe] = cloud.tasks()
    assert probe.task_definition_arn.endswith("task-definition/trader:2")
    assert probe.overrides["containerOverrides"] == [
        {
            "name": "bot",
            "command": ["run", "--catch-up"],
            "environment": [{"name": "TRADER__RETRAIN__TIMING", "value": "external"}],
        }
    ]


def test_the_first_deployment_creates_the_stack_and_would_leave_what_fails_of_it(desk, played, cloud):
    assert desk("deploy", "--commit", NEW) == 0, desk.said

    assert desk.outcome["previous"] == ""
    assert b"OnFailure=DO_NOTHING" in cloud.door.sent["CreateStack"]
    assert played.commit == NEW


@pytest.mark.parametrize("code", [0, 75])
def test_a_probe_that_is_done_or_finds_the_market_away_is_good_enough(deployed, played, code):
    played.exits[NEW] = code

    assert deployed("deploy", "--commit", NEW) == 0


def test_a_probe_that_fails_brings_back_the_old_template_and_parameters(deployed, played, cloud):
    deployed.template.write_text(scheduled(remark="another template"))
    deployed.settings.write_text(settings_of(symbols='["BTCUSDT", "ETHUSDT"]'))
    played.exits[NEW] = 3

    assert deployed("deploy", "--commit", NEW) == 1

    stack = cloud.stack("trader-bot")
    assert (stack.parameters["Commit"], stack.parameters["Symbols"]) == (OLD, "BTCUSDT")
    assert "another template" not in stack.template
    assert "exit code 3, a setting, a secret or a permission" in deployed.outcome["reason"]
    assert f"Rolled back: the bot runs {OLD} again" in deployed.outcome["reason"]


def test_a_failure_is_told_with_both_commits_and_where_to_look_but_without_log_lines(deployed, played, cloud):
    played.exits[NEW] = 1
    logs, line = cloud.client("logs"), "Traceback: something only for those who may read the log"

    def write_a_line() -> None:
        for task in cloud.tasks():
            stream = {"logGroupName": "/trader/bot", "logStreamName": f"logs/bot/{task.id}"}
            logs.create_log_stream(**stream)
            event = {"timestamp": int(datetime.now(UTC).timestamp() * 1000), "message": line}  # moto wants recent ones
            logs.put_log_events(**stream, logEvents=[event])

    played.due.append((START, write_a_line))

    assert deployed("deploy", "--commit", NEW) == 1
    [(subject, text)] = cloud.messages()
    assert subject == f"trader: deployment of {NEW[:12]} failed, rolled back"
    assert f"new commit:      {NEW}" in text
    assert f"previous commit: {OLD}" in text
    assert "exit code 1, a bug" in text
    assert "aws logs tail /trader/bot --since 2h --region eu-central-1" in text
    assert line not in text
    assert line in deployed.said


def test_a_task_that_cannot_start_is_named_with_the_reason_that_aws_gives(deployed, played):
    played.exits[NEW] = None
    played.stopped_reason = "ResourceInitializationError: unable to pull secrets"

    assert deployed("deploy", "--commit", NEW) == 1
    assert "it never started; ResourceInitializationError: unable to pull secrets" in deployed.outcome["reason"]


def test_a_probe_that_does_not_end_is_stopped(deployed, played, cloud):
    played.keeps_running = True

    assert deployed("deploy", "--commit", NEW) == 1
    assert "had not ended after 15 minutes (last seen RUNNING)" in deployed.outcome["reason"]
    assert [task.desired_status for task in cloud.tasks()] == ["STOPPED"]


def test_a_version_that_completes_no_run_is_rolled_back_after_75_minutes(deployed, played):
    played.runs.remove(NEW)

    assert deployed("deploy", "--commit", NEW) == 1
    assert f"no completed run of {NEW[:12]} for BTCUSDT within 75 minutes" in deployed.outcome["reason"]
    assert timedelta(minutes=75) <= played.now() - START < timedelta(minutes=77)


def test_a_record_of_another_version_or_one_that_is_not_completed_proves_nothing(deployed, played):
    played.runs.remove(NEW)
    played.put(record(commit=OLD, open_time=LAST_CLOSED, completed_at=START + HOUR), open_time=LAST_CLOSED)
    unfinished = record(commit=NEW, open_time=LAST_CLOSED + HOUR, completed_at=START, status=Status.DECIDED)
    played.put(unfinished, open_time=LAST_CLOSED + HOUR)

    assert deployed("deploy", "--commit", NEW, "--minutes", "7") == 1


def test_an_hour_that_came_too_late_is_not_enough_but_the_next_one_is(deployed, played):
    missed = record(commit=NEW, open_time=LAST_CLOSED, completed_at=START + timedelta(minutes=5), reason=Reason.MISSED)
    played.put(missed, open_time=LAST_CLOSED)

    assert deployed("deploy", "--commit", NEW) == 0
    assert "T1600.json was too late to decide" in deployed.said
    assert deployed.outcome["records"] == ["bot/journal/BTCUSDT/1h/2026/11/21T1700.json"]


def test_every_symbol_has_to_be_run(deployed, played):
    deployed.settings.write_text(settings_of(symbols='["BTCUSDT", "ETHUSDT"]'))

    assert deployed("deploy", "--commit", NEW, "--minutes", "7") == 1
    assert "no completed run of bbbbbbbbbbbb for ETHUSDT" in deployed.outcome["reason"]


def test_a_changed_set_of_symbols_is_deployed_and_verified(deployed, played):
    deployed.settings.write_text(settings_of(symbols='["BTCUSDT", "ETHUSDT"]'))
    played.symbols = ("BTCUSDT", "ETHUSDT")

    assert deployed("deploy", "--commit", NEW) == 0
    assert len(deployed.outcome["records"]) == 2


def test_a_loss_limit_reached_before_the_deployment_lets_the_new_version_pass(deployed, played):
    halt = played.halt = loss(LAST_CLOSED - HOUR)
    before = record(commit=OLD, open_time=LAST_CLOSED, completed_at=LAST_CLOSED + HOUR, halt=halt)
    played.put(before, open_time=LAST_CLOSED)

    assert deployed("deploy", "--commit", NEW) == 0
    assert "halted since before the deployment: a loss limit was reached" in deployed.said


def test_a_loss_limit_that_the_new_version_finds_is_no_old_one_even_in_an_old_hour(deployed, played):
    played.halt = loss(LAST_CLOSED)  # over before the deployment, yet the old version's run of it saw no halt

    assert deployed("deploy", "--commit", NEW) == 1
    assert "was halted after the deployment began: a loss limit" in deployed.outcome["reason"]
    assert played.commit == OLD


@pytest.mark.parametrize(("minutes", "code"), [(-2, 0), (2, 1)])
def test_the_operators_halt_passes_when_it_was_said_before(deployed, played, minutes, code):
    played.control = stopped_by_hand(START + timedelta(minutes=minutes))

    assert deployed("deploy", "--commit", NEW) == code
    assert "the operator (ann) halted it" in deployed.said


def test_deploying_the_same_version_again_changes_nothing_and_waits_for_its_next_run(deployed, played):
    deployed("deploy", "--commit", NEW)
    played.wait(50)

    assert deployed("deploy", "--commit", NEW) == 0
    assert "already like that: nothing to change" in deployed.said
    assert f"{played.now():%H:%M}" == "19:01"


def test_a_version_that_was_there_before_cannot_be_put_back(deployed, played):
    deployed("deploy", "--commit", NEW)
    played.wait(1)
    played.runs.remove(NEW)

    assert deployed("deploy", "--commit", NEW, "--minutes", "3") == 2
    assert "nothing was changed, nothing is put back" in deployed.outcome["reason"]


def test_the_first_deployment_that_fails_stays_to_be_looked_at(desk, played, cloud):
    played.exits[NEW] = 4

    assert desk("deploy", "--commit", NEW) == 2
    assert played.commit == NEW
    assert "the first version, there is nothing to go back to" in desk.outcome["reason"]
    assert [subject for subject, _ in cloud.messages()] == [f"trader: deployment of {NEW[:12]} failed, NOT rolled back"]
