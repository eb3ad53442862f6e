"""Who is told, and of what: the metric filters on the lines that runs really log, the alarms, and the rule on tasks."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from moto.events.models import EventPattern

from tests.infra.calls import camel
from tests.infra.iam import is_allowed
from tests.infra.log_pattern import counts
from tests.infra.stacks import bot
from trader.cli.answers import log_answers
from trader.cli.logs import JsonLines
from trader.core.decision import Decision, Reason
from trader.core.errors import Retryable
from trader.core.journal import Origin, RunKey, RunRecord, Status
from trader.jobs.run import Outcome
from trader.jobs.symbols import SymbolRun

KEY = RunKey(bot_id="trader", symbol="BTCUSDT", interval="1h", open_time=datetime(2026, 11, 20, 16, tzinfo=UTC))
RECORD = RunRecord(
    key=KEY, mode="testnet", origin=Origin.LIVE, status=Status.COMPLETED, owner="o", started_at=KEY.open_time
)
FILTERS = ("RunsCompleted", "RunsFailed", "RunsHalted")
ALARMS = ("NoCompletedRun", "RunsKeepFailing", "Halted")
TOPIC = "arn:aws:sns:eu-central-1:123456789012:trader-alarms"
CLUSTER = "arn:aws:ecs:eu-central-1:123456789012:cluster/trader"
REFERENCES = {"Topic": TOPIC, "Cluster.Arn": CLUSTER, "TaskFailed.Arn": "arn:aws:events:eu-central-1:1:rule/r"}


def resources():
    return bot(references=REFERENCES)


def answer(outcome, reason=None):
    if reason is None:
        return SymbolRun(symbol="BTCUSDT", outcome=outcome, error=Retryable("the market is away"))
    return SymbolRun(
        symbol="BTCUSDT", outcome=outcome, record=replace(RECORD, decision=Decision(target=0.0, reason=reason))
    )


@pytest.mark.parametrize(
    ("ended", "counted"),
    [
        (answer(Outcome.DONE, Reason.LONG), {"RunsCompleted"}),
        (answer(Outcome.ALREADY_DONE, Reason.LONG), set()),
        (answer(Outcome.DONE, Reason.MISSED), set()),
        (answer(Outcome.DONE, Reason.HALTED), {"RunsCompleted", "RunsHalted"}),
        (answer(Outcome.ALREADY_DONE, Reason.CONTROL_HALT), {"RunsHalted"}),
        (answer(Outcome.IN_PROGRESS), set()),
        (answer(Outcome.FAILED), {"RunsFailed"}),
    ],
)
def test_each_filter_counts_the_lines_that_it_should(caplog, ended, counted):
    with caplog.at_level(logging.INFO, logger="trader.cli.answers"):
        log_answers([ended], versions={"trader": "0.2.0", "commit": "c" * 40})
    (line,) = [JsonLines([]).format(made) for made in caplog.records]

    patterns = {name: resources()[name]["Properties"]["FilterPattern"] for name in FILTERS}

    assert {name for name, pattern in patterns.items() if counts(pattern, line)} == counted


@pytest.mark.parametrize(
    "line",
    [
        "cron is up: 1 line",
        '{"event": "training ended", "outcome": "done", "missed": false, "halted": true}',
        '{"event": "run ended", "outcome": "done", "missed": "false", "halted": "true"}',
        '{"event": "run ended", "outcome": "undone", "missed": false, "halted": null}',
    ],
)
def test_other_lines_are_counted_by_none(line):
    assert not any(counts(resources()[name]["Properties"]["FilterPattern"], line) for name in FILTERS)


@pytest.mark.slow
def test_the_filters_are_kept_as_written(client):
    logs = client("logs")
    logs.create_log_group(logGroupName="/trader/bot")
    wanted = [bot(references={"LogGroup": "/trader/bot"})[name]["Properties"] for name in FILTERS]

    for each in wanted:
        logs.put_metric_filter(**camel(each))

    kept = logs.describe_metric_filters(logGroupName="/trader/bot")["metricFilters"]
    assert {each["filterName"]: each["filterPattern"] for each in kept} == {
        each["FilterName"]: each["FilterPattern"] for each in wanted
    }


def test_every_alarm_reads_a_metric_that_a_filter_makes():
    made = {
        (one["MetricNamespace"], one["MetricName"], one["DefaultValue"])
        for name in FILTERS
        for one in resources()[name]["Properties"]["MetricTransformations"]
    }
    alarms = [resources()[name]["Properties"] for name in ALARMS]
    of_metrics = {(each["Namespace"], each["MetricName"], 0) for each in alarms if "MetricName" in each}
    (by_formula,) = [each["Metrics"] for each in alarms if "Metrics" in each]
    metric = by_formula[0]["MetricStat"]["Metric"]

    assert of_metrics | {(metric["Namespace"], metric["MetricName"], 0)} == made


@pytest.mark.slow
@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_kept_as_written_takes_silence_for_bad_news_and_says_when_it_is_over(client, name):
    wanted = resources()[name]["Properties"]

    client("cloudwatch").put_metric_alarm(**wanted)

    (kept,) = client("cloudwatch").describe_alarms(AlarmNames=[wanted["AlarmName"]])["MetricAlarms"]
    for metric in kept.get("Metrics", []):
        metric.get("MetricStat", {}).get("Metric", {}).pop("Dimensions", None)  # moto adds an empty list
    assert {key: kept[key] for key in wanted} == wanted
    assert kept["TreatMissingData"] == "breaching"
    assert kept["AlarmActions"] == kept["OKActions"] == [TOPIC]


def test_two_hours_without_a_completed_run_are_an_alarm():
    alarm = resources()["NoCompletedRun"]["Properties"]
    (counted, filled) = alarm["Metrics"]

    assert counted["MetricStat"]["Period"] * alarm["EvaluationPeriods"] == 2 * 3600
    assert alarm["DatapointsToAlarm"] == alarm["EvaluationPeriods"]
    assert (filled["Expression"], filled["ReturnData"]) == (f"FILL({counted['Id']}, 0)", True)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)


def stopped(*exit_codes, **detail):
    event = {"source": "aws.ecs", "detail-type": "ECS Task State Change"}
    # EventBridge looks into every element of a list; moto's matcher wants it the other way round.
    containers = {"exitCode": list(exit_codes)} if exit_codes else {"name": "bot"}
    own = {"clusterArn": CLUSTER, "lastStatus": "STOPPED", "stopCode": "EssentialContainerExited"}
    return event | {"detail": {**own, "containers": containers, **detail}}


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (stopped(0), False),
        (stopped(75), False),
        (stopped(143), False),
        (stopped(1), True),
        (stopped(3), True),
        (stopped(137), True),
        (stopped(stopCode="TaskFailedToStart"), True),
        (stopped(1, lastStatus="RUNNING"), False),
        (stopped(1, clusterArn="arn:aws:ecs:eu-central-1:123456789012:cluster/other"), False),
    ],
)
def test_a_task_is_told_of_when_it_ends_with_what_a_person_has_to_look_at(event, told):
    pattern = resources()["TaskFailed"]["Properties"]["EventPattern"]

    assert EventPattern.load(json.dumps(pattern)).matches_event(event) is told


@pytest.mark.slow
def test_the_rule_and_its_target_are_kept_as_written(client):
    wanted = resources()["TaskFailed"]["Properties"]
    events = client("events")

    events.put_rule(
        Name=wanted["Name"], State=wanted["State"], EventPattern=json.dumps(wanted["EventPattern"]), Description="d"
    )
    assert events.put_targets(Rule=wanted["Name"], Targets=wanted["Targets"])["FailedEntryCount"] == 0

    assert json.loads(events.describe_rule(Name="trader-task-failed")["EventPattern"]) == wanted["EventPattern"]
    assert events.list_targets_by_rule(Rule="trader-task-failed")["Targets"] == wanted["Targets"]
    (target,) = wanted["Targets"]
    assert target["Arn"] == TOPIC
    transformed = target["InputTransformer"]
    assert all(f"<{name}>" in transformed["InputTemplate"] for name in transformed["InputPathsMap"])


@pytest.mark.slow
def test_only_this_accounts_alarms_and_this_rule_may_publish(client):
    policy = resources()["TopicPolicy"]["Properties"]["PolicyDocument"]
    alarm = "arn:aws:cloudwatch:eu-central-1:{}:alarm:trader-halted"

    client("sns").create_topic(Name="trader-alarms")
    client("sns").set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=json.dumps(policy))

    kept = json.loads(client("sns").get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"])
    alarms, rule = (dict(policy, Statement=[one]) for one in kept["Statement"])
    assert [one["Principal"]["Service"] for one in kept["Statement"]] == [
        "cloudwatch.amazonaws.com",
        "events.amazonaws.com",
    ]
    ours, theirs = (
        {"aws_SourceAccount": one, "aws_SourceArn": alarm.format(one)} for one in ("123456789012", "9" * 12)
    )
    assert is_allowed([alarms], "sns:Publish", TOPIC, **ours)
    assert not is_allowed([alarms], "sns:Publish", TOPIC, **theirs)
    assert is_allowed([rule], "sns:Publish", TOPIC, aws_SourceArn=REFERENCES["TaskFailed.Arn"])
    assert not is_allowed([rule], "sns:Publish", TOPIC, aws_SourceArn="arn:aws:events:eu-central-1:1:rule/another")
