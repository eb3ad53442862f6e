"""The tasks of one revision: the probe that a deployment starts itself, and what has become of the others.

0     done, or already done           75    not now: the market was not ready, the next try may be
143   told to terminate               everything else needs a person (docs/operating.md)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scripts.deploy_aws import Aws, Clock, Declined, NotNow, Refused, ago
from scripts.deploy_stack import Failed, Stack

CONTAINER = "bot"
_PROBE = ["run", "--catch-up"]
WELL = (0, 75, 143)
PROBE_MINUTES = 15
_MEANING = {
    1: "a bug: the traceback is in the log",
    2: "the command line is wrong",
    3: "a setting, a secret or a permission has to be changed",
    4: "something it read cannot be right",
    5: "the exchange or the storage refused",
    137: "it was killed: too little memory, or it did not end in time",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The bot as deployed: where its tasks run, and how one is started."""

    way: str
    cluster: str
    service: str
    definition: str
    network: dict[str, Any]
    log_group: str
    log_prefix: str

    @property
    def family(self) -> str:
        """The task definition without its number."""
        return self.definition.rpartition("/")[2].rpartition(":")[0]


def revision_of(aws: Aws, stack: Stack) -> Revision:
    """Return what the stack says about its tasks. Raises Refused when an output is not there."""
    definition = stack.output("TaskDefinitionArn")
    told = aws.call("ecs", "describe_task_definition", taskDefinition=definition)["taskDefinition"]
    container = next(each for each in told["containerDefinitions"] if each["name"] == CONTAINER)
    way = stack.output("Way")
    place = {
        "subnets": stack.output("SubnetIds").split(","),
        "securityGroups": [stack.output("SecurityGroupId")],
        "assignPublicIp": "ENABLED",
    }
    return Revision(
        way=way,
        cluster=stack.output("ClusterName"),
        service=stack.output("ServiceName") if way.startswith("Service") else "",
        definition=definition,
        network={"awsvpcConfiguration": place} if told.get("networkMode") == "awsvpc" else {},
        log_group=stack.output("LogGroupName"),
        log_prefix=container.get("logConfiguration", {}).get("options", {}).get("awslogs-stream-prefix", CONTAINER),
    )


def probe(aws: Aws, clock: Clock, revision: Revision, *, commit: str) -> None:
    """Run the bot once as the new revision: venue, secrets, permissions and storage have to work. Raises Failed."""
    task = _start(aws, clock, revision, commit=commit)
    if task is None:
        clock.say("the instance has no room for a second task: no probe, the service's own task is watched instead")
        return
    words, number = " ".join(_PROBE), revision.definition.rpartition(":")[2]
    clock.say(f"probe: task {_number(task)} runs `trader {words}` as {revision.family}:{number}")
    last: dict[str, Any] = {}
    for _ in clock.poll(every=10, until=ago(clock, minutes=PROBE_MINUTES)):
        try:
            found = aws.call("ecs", "describe_tasks", cluster=revision.cluster, tasks=[task])["tasks"]
        except NotNow as error:
            clock.say(f"asking again: {error}")
            continue
        if found and found[0]["lastStatus"] != last.get("lastStatus"):
            clock.say(f"probe: {found[0]['lastStatus']}")
        last = found[0] if found else last
        if last.get("lastStatus") == "STOPPED":
            break
    else:
        aws.call("ecs", "stop_task", cluster=revision.cluster, task=task, reason="the deployment's probe took too long")
        _tell_log(aws, clock, revision, task=task)
        raise Failed(f"the probe {_number(task)} had not ended after {PROBE_MINUTES} minutes ({_standing(last)})")
    _judge(aws, clock, revision, task=last)


def _judge(aws: Aws, clock: Clock, revision: Revision, *, task: dict[str, Any]) -> None:
    code = _exit_code(task)
    if code in (0, 75):
        later = " (not now: what it needs was not ready; the next hour will tell)" if code else ""
        clock.say(f"probe: exit code {code}{later}")
        return
    _tell_log(aws, clock, revision, task=task["taskArn"])
    raise Failed(f"the probe {_number(task['taskArn'])} failed: {_ended(task)}")


def _start(aws: Aws, clock: Clock, revision: Revision, *, commit: str) -> str | None:
    """Start the probe and return its ARN, None when an instance of our own has no room for it."""
    is_fargate = revision.way != "ServiceEC2"
    arguments = _task(revision, commit=commit)
    why = ""
    for _ in clock.poll(every=30, until=ago(clock, minutes=5)):
        try:
            answer = aws.call("ecs", "run_task", **arguments)
        except Declined as error:
            if "capacity" not in error.words.lower() and "No Container Instances" not in error.words:
                raise
            why = error.words
        else:
            if answer.get("tasks"):
                return str(answer["tasks"][0]["taskArn"])
            why = ", ".join(each.get("reason", "?") for each in answer.get("failures", ())) or "no reason given"
        if not is_fargate:
            return None
        clock.say(f"probe: not started yet: {why}")
    raise Failed(f"the probe could not be started: {why}")


def _task(revision: Revision, *, commit: str) -> dict[str, Any]:
    """Return what to start: a run that fills an empty store, but no search, for which nobody would wait."""
    environment = [{"name": "TRADER__RETRAIN__TIMING", "value": "external"}]
    return {
        "cluster": revision.cluster,
        "taskDefinition": revision.definition,
        "launchType": "EC2" if revision.way == "ServiceEC2" else "FARGATE",
        "overrides": {"containerOverrides": [{"name": CONTAINER, "command": _PROBE, "environment": environment}]},
        "startedBy": f"deploy-{commit[:12]}",
        "count": 1,
        **({"networkConfiguration": revision.network} if revision.network else {}),
    }


def find_trouble(aws: Aws, revision: Revision, *, since: datetime) -> Iterator[str]:
    """Yield what has gone wrong with the revision's service and tasks since then; empty as long as nothing has."""
    if revision.service:
        yield from _service_trouble(aws, revision)
    for status in ("STOPPED", "RUNNING"):
        named = {"cluster": revision.cluster, "family": revision.family, "desiredStatus": status}
        arns = aws.call("ecs", "list_tasks", **named)["taskArns"]
        tasks = aws.call("ecs", "describe_tasks", cluster=revision.cluster, tasks=arns)["tasks"] if arns else []
        for task in tasks:
            is_ours = task["taskDefinitionArn"] == revision.definition and task.get("createdAt", since) >= since
            if is_ours and (found := _task_trouble(task)):
                yield f"task {_number(task['taskArn'])} {found}"


def service_standing(aws: Aws, revision: Revision) -> str:
    """Return how many of the service's tasks run, and what ECS last said about it."""
    if not revision.service:
        return "the scheduler starts a task every hour"
    found = aws.call("ecs", "describe_services", cluster=revision.cluster, services=[revision.service])["services"]
    if not found:
        return f"there is no service {revision.service}"
    events = found[0].get("events", ())
    said = f"; {events[0]['message']}" if events else ""
    return f"the service runs {found[0]['runningCount']} of {found[0]['desiredCount']} tasks{said}"


def _service_trouble(aws: Aws, revision: Revision) -> Iterator[str]:
    found = aws.call("ecs", "describe_services", cluster=revision.cluster, services=[revision.service])["services"]
    if not found or found[0]["status"] != "ACTIVE":
        yield f"there is no service {revision.service} in the cluster {revision.cluster}"
        return
    for deployment in found[0].get("deployments", ()):
        if deployment["taskDefinition"] == revision.definition and deployment.get("rolloutState") == "FAILED":
            yield f"ECS has given the deployment up: {deployment.get('rolloutStateReason', 'no reason given')}"


def _task_trouble(task: dict[str, Any]) -> str:
    if task["lastStatus"] != "STOPPED":
        return (
            "is unhealthy: its container no longer attempts any run" if task.get("healthStatus") == "UNHEALTHY" else ""
        )
    if "health check" in task.get("stoppedReason", ""):
        return f"was stopped: {task['stoppedReason']}"
    if _exit_code(task) in WELL or task.get("stopCode") in ("UserInitiated", "ServiceSchedulerInitiated"):
        return ""
    return f"stopped: {_ended(task)}"


def _container(task: dict[str, Any]) -> dict[str, Any]:
    return next((each for each in task.get("containers", ()) if each.get("name") == CONTAINER), {})


def _exit_code(task: dict[str, Any]) -> int | None:
    code = _container(task).get("exitCode")
    return None if code is None else int(code)


def _ended(task: dict[str, Any]) -> str:
    """Say how a stopped task ended: its exit code and what that means, and ECS' own reasons."""
    code = _exit_code(task)
    first = (
        "it never started"
        if code is None
        else f"exit code {code}" + (f", {_MEANING[code]}" if code in _MEANING else "")
    )
    reasons = dict.fromkeys(each for each in (task.get("stoppedReason"), _container(task).get("reason")) if each)
    return "; ".join([first, *reasons])


def _standing(task: dict[str, Any]) -> str:
    return f"last seen {task['lastStatus']}" if task else "never seen"


def _number(arn: str) -> str:
    return arn.rpartition("/")[2]


def _tell_log(aws: Aws, clock: Clock, revision: Revision, *, task: str) -> None:
    """Show the last lines that the task wrote; that there are none must not hide why it failed."""
    stream = f"{revision.log_prefix}/{CONTAINER}/{_number(task)}"
    named = {"logGroupName": revision.log_group, "logStreamName": stream}
    try:
        events = aws.call("logs", "get_log_events", **named, limit=20, startFromHead=False)["events"]
    except (Declined, NotNow, Refused) as error:
        clock.say(f"the task's log could not be read: {error}")
        return
    clock.say(f"the last {len(events)} lines of {revision.log_group} {stream}:")
    for event in events:
        clock.say(f"    {event['message'].rstrip()}")
