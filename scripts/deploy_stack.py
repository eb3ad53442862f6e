"""The bot's CloudFormation stack: what it is now, changing it, waiting until it is changed, and putting it back.

A stack is changed by a whole template and all parameters at once, never by half of them: what is put back is exactly
what was there. CloudFormation works with a role of its own (`CloudFormationRoleArn` of the foundation).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scripts.deploy_aws import Aws, Clock, Declined, NotNow, Problem, Refused, ago

_READY = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
)
_TO_DELETE = ("CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
_CLEANING = ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
_LARGEST_BODY = 51_200

UPDATE_MINUTES = 25
"""How long a change of the stack may take: a service's first task has to start, and maybe an instance before it."""


class Failed(Problem):
    """The change has failed; `is_undone` says that CloudFormation has put everything back already."""

    def __init__(self, message: str, *, is_undone: bool = False) -> None:
        super().__init__(message)
        self.is_undone = is_undone


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What a stack looks like at one moment."""

    name: str
    status: str
    why: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)

    def output(self, name: str) -> str:
        """Return an output. Raises Refused when the template has none of that name."""
        if name not in self.outputs:
            raise Refused(f"the stack {self.name} has no output {name}; update it from this repository's template")
        return self.outputs[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A whole template (its text) and all parameters: what a stack is to be."""

    template: str
    parameters: Mapping[str, str]


def look_at(aws: Aws, name: str) -> Stack | None:
    """Return the stack as it is, None when there is none."""
    try:
        found = aws.call("cloudformation", "describe_stacks", StackName=name)["Stacks"]
    except Declined as error:
        if "does not exist" in error.words:
            return None
        raise
    newest = found[0]
    return Stack(
        name=name,
        status=newest["StackStatus"],
        why=newest.get("StackStatusReason", ""),
        parameters={each["ParameterKey"]: each["ParameterValue"] for each in newest.get("Parameters", ())},
        outputs={each["OutputKey"]: each["OutputValue"] for each in newest.get("Outputs", ())},
    )


def as_it_is(aws: Aws, stack: Stack) -> Wish:
    """Return what would make the stack what it is now: to be asked before it is changed."""
    body = aws.call("cloudformation", "get_template", StackName=stack.name, TemplateStage="Original")["TemplateBody"]
    return Wish(template=body if isinstance(body, str) else json.dumps(body), parameters=stack.parameters)


def ready(aws: Aws, clock: Clock, *, name: str) -> Stack | None:
    """Return the stack once it can be changed, None when there is none. Raises Refused when a person has to act."""
    stack = look_at(aws, name)
    if stack is not None and stack.status.endswith("_IN_PROGRESS") and stack.status not in _TO_DELETE:
        clock.say(f"{name} is {stack.status}: somebody else's change is under way, waiting for it")
        stack = _settled(aws, clock, name=name, until=ago(clock, minutes=UPDATE_MINUTES), with_cleaning=True)
    if stack is None or stack.status == "DELETE_COMPLETE":
        return None
    if stack.status not in _READY:
        raise Refused(advice(stack, region=aws.region))
    return stack


def submit(aws: Aws, clock: Clock, *, name: str, role: str, wish: Wish) -> bool:
    """Ask for the stack to become what is wished; return whether anything changes. Raises a Problem if refused."""
    if len(wish.template.encode()) > _LARGEST_BODY:
        raise Refused(f"the template of {name} has more than {_LARGEST_BODY} bytes, which CloudFormation does not take")
    is_new = look_at(aws, name) is None
    arguments: dict[str, Any] = {
        "StackName": name,
        "TemplateBody": wish.template,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in wish.parameters.items()],
        "RoleARN": role,
    }
    if is_new:  # what failed in a first version stays to be looked at, its log too
        arguments["OnFailure"] = "DO_NOTHING"
    try:
        aws.call("cloudformation", "create_stack" if is_new else "update_stack", **arguments)
    except Declined as error:
        if is_new or "No updates are to be performed" not in error.words:
            raise
        clock.say(f"{name} is already like that: nothing to change")
        return False
    clock.say(f"{name} is being {'created' if is_new else 'updated'}")
    return True


def finish(aws: Aws, clock: Clock, *, name: str, since: datetime) -> Stack:
    """Wait for what was submitted and return the changed stack. Raises Failed, with the reasons given since then."""
    stack = _settled(aws, clock, name=name, until=ago(clock, minutes=UPDATE_MINUTES))
    if stack.status == "UPDATE_IN_PROGRESS":
        clock.say(f"{name} has not settled within {UPDATE_MINUTES} minutes: cancelling the update")
        aws.call("cloudformation", "cancel_update_stack", StackName=name)
        stack = _settled(aws, clock, name=name, until=ago(clock, minutes=UPDATE_MINUTES))
    if stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"):
        return stack
    reasons = "; ".join(failures(aws, name=name, since=since)) or stack.why or "no reason given"
    is_undone = stack.status.startswith("UPDATE_ROLLBACK_COMPLETE")
    what = "CloudFormation has put the previous version back" if is_undone else advice(stack, region=aws.region)
    raise Failed(f"{name} is {stack.status}: {reasons}. {what}", is_undone=is_undone)


def _settled(aws: Aws, clock: Clock, *, name: str, until: datetime, with_cleaning: bool = False) -> Stack:
    """Wait while the stack is in progress and return it, at the deadline whatever it is then."""
    said, stack = "", None
    for _ in clock.poll(every=10, until=until):
        try:
            stack = look_at(aws, name)
        except NotNow as error:
            clock.say(f"asking again: {error}")
            continue
        if stack is None:
            return Stack(name=name, status="DELETE_COMPLETE")
        if stack.status != said:
            clock.say(f"{name} is {stack.status}")
            said = stack.status
        if not stack.status.endswith("_IN_PROGRESS") or (stack.status in _CLEANING and not with_cleaning):
            return stack
    if stack is None:
        raise NotNow(f"the state of {name} could not be asked before the deadline")
    return stack


def failures(aws: Aws, *, name: str, since: datetime) -> list[str]:
    """Return what failed in the stack since then, the first cause first; at most three."""
    events = aws.call("cloudformation", "describe_stack_events", StackName=name).get("StackEvents", ())
    found = [
        f"{event['LogicalResourceId']} {event['ResourceStatus']}: {event.get('ResourceStatusReason', '')}"
        for event in reversed(events)
        if event["Timestamp"] >= since
        and event["ResourceStatus"].endswith("_FAILED")
        and "cancelled" not in event.get("ResourceStatusReason", "")
    ]
    return found[:3]


def advice(stack: Stack, *, region: str) -> str:
    """Return what a person has to do about a stack in this state."""
    named = f"--stack-name {stack.name} --region {region}"
    if stack.status in _TO_DELETE:
        return (
            f"{stack.name} is {stack.status}: it was never whole and has to be made anew. Look at the reason (aws"
            f" cloudformation describe-stack-events {named}; what its tasks said is in its log group), then aws"
            f" cloudformation delete-stack {named} (models, journal and images are not in it), and deploy again"
        )
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        return (
            f"{stack.name} is UPDATE_ROLLBACK_FAILED: remove the reason (aws cloudformation describe-stack-events"
            f" {named}), then aws cloudformation continue-update-rollback {named}, and deploy again"
        )
    if stack.status.endswith("_IN_PROGRESS"):
        return (
            f"{stack.name} is still {stack.status}: look at it with aws cloudformation describe-stack-events {named};"
            f" an update is ended by aws cloudformation cancel-update-stack {named}"
        )
    return f"{stack.name} is {stack.status}: look at it with aws cloudformation describe-stack-events {named}"
