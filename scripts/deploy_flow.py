"""A deployment from beginning to end: change the stack, probe, verify; and if that fails, put back what was there.

Up to the change nothing has happened, and every problem is one of settings or permissions. From the change on every
problem, of whatever kind, leads to the previous template with the previous parameters, and to a message.
"""

import traceback
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import IntEnum

from scripts.deploy_aws import Aws, Clock, Problem, Refused
from scripts.deploy_settings import Foundation, Settings, find_image, previous_commit, read_foundation
from scripts.deploy_stack import Failed, Stack, Wish, as_it_is, finish, look_at, ready, submit
from scripts.deploy_tasks import probe, revision_of
from scripts.deploy_verify import verify


class Exit(IntEnum):
    """What became of it, as exit code."""

    DEPLOYED = 0
    ROLLED_BACK = 1
    LEFT = 2
    REFUSED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a deployment. `previous` is the commit that was there before ("" for none or unknown)."""

    result: Exit
    commit: str
    previous: str = ""
    reason: str = ""
    records: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return it for a machine."""
        return {**asdict(self), "result": self.result.name.lower().replace("_", "-"), "exit_code": int(self.result)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be deployed; `image` None for the one of that commit; `where` is the pipeline's run."""

    commit: str
    image: str | None = None
    minutes: float
    where: str = ""


@dataclass(slots=True, kw_only=True)
class Deployment:
    """One deployment under way: with what, and what was there when it began."""

    aws: Aws
    clock: Clock
    settings: Settings
    order: Order
    foundation: Foundation
    began: datetime
    before: Stack | None
    was: Wish | None
    is_changed: bool = False

    @property
    def previous(self) -> str:
        """The commit that was deployed when this one began."""
        return "" if self.before is None else self.before.parameters.get("Commit", "")


def prepare(aws: Aws, clock: Clock, settings: Settings, *, order: Order) -> Deployment:
    """Look at everything a deployment starts from; nothing is changed. Raises Problem."""
    foundation = read_foundation(aws, settings)
    before = ready(aws, clock, name=settings.bot)
    return Deployment(
        aws=aws,
        clock=clock,
        settings=settings,
        order=order,
        foundation=foundation,
        began=clock.now(),
        before=before,
        was=None if before is None else as_it_is(aws, before),
    )


def deploy(deployment: Deployment) -> Outcome:
    """Deploy, probe and verify; roll back and tell when that fails. Raises Problem as long as nothing was changed."""
    _change(deployment)
    try:
        records = _prove(deployment)
    except Problem as problem:
        return _undo(deployment, problem)
    except Exception as error:  # noqa: BLE001 - a bug of this program must not leave an unverified version in place
        traceback.print_exception(error)
        return _undo(deployment, Failed(f"a bug in scripts/deploy.py: {error!r}"))
    order = deployment.order
    deployment.clock.say(f"deployed {order.commit}")
    return Outcome(result=Exit.DEPLOYED, commit=order.commit, previous=deployment.previous, records=tuple(records))


def switch(deployment: Deployment) -> Outcome:
    """Change to another commit and wait for the stack alone: the way back from a version that passed and is bad."""
    _change(deployment)
    try:
        if deployment.is_changed:
            _settle(deployment)
    except Problem as problem:
        return _undo(deployment, problem)
    deployment.clock.say(f"{deployment.settings.bot} is at {deployment.order.commit}; the alarms watch its runs")
    return Outcome(result=Exit.DEPLOYED, commit=deployment.order.commit, previous=deployment.previous)


def standing(deployment: Deployment) -> str:
    """Say what state an interrupted deployment leaves the stack in, and how it goes on."""
    order, name = deployment.order, deployment.settings.bot
    try:
        stack = look_at(deployment.aws, name)
    except Problem as problem:
        return f"interrupted; the state of {name} could not be asked: {problem}"
    if stack is None:
        return f"interrupted; there is no stack {name}, nothing was changed"
    now = stack.parameters.get("Commit", "")
    if stack.status.endswith("_IN_PROGRESS"):
        state = f"{name} is {stack.status}, towards {now}: CloudFormation goes on by itself"
    else:
        state = f"{name} is {stack.status}, at {now}"
    back = deployment.previous or "AN-OLDER-SHA"
    return (
        f"interrupted; {state}. Nothing watches it any more and nothing is rolled back. Either wait for it: python"
        f" scripts/deploy.py verify --commit {order.commit} --since {deployment.began:%Y-%m-%dT%H:%M:%SZ}; or go back:"
        f" python scripts/deploy.py rollback --commit {back}"
    )


def _change(deployment: Deployment) -> None:
    order, settings, aws = deployment.order, deployment.settings, deployment.aws
    image = order.image or find_image(aws, deployment.foundation, commit=order.commit)
    previous = previous_commit(deployment.before, commit=order.commit)
    wish = settings.wish(commit=order.commit, image=image, previous=previous)
    deployment.clock.say(f"deploying {order.commit} ({image}) after {deployment.previous or 'nothing'}")
    deployment.is_changed = submit(aws, deployment.clock, name=settings.bot, role=deployment.foundation.role, wish=wish)


def _settle(deployment: Deployment) -> Stack:
    return finish(deployment.aws, deployment.clock, name=deployment.settings.bot, since=deployment.began)


def _prove(deployment: Deployment) -> list[str]:
    """Wait for the stack, probe and verify; return the records. Raises Problem."""
    aws, clock, order = deployment.aws, deployment.clock, deployment.order
    stack = _settle(deployment) if deployment.is_changed else look_at(aws, deployment.settings.bot)
    if stack is None:
        raise Failed(f"the stack {deployment.settings.bot} is gone: somebody has deleted it")
    revision = revision_of(aws, stack)
    probe(aws, clock, revision, commit=order.commit)
    since, minutes = deployment.began, order.minutes
    return verify(aws, clock, stack, revision=revision, commit=order.commit, since=since, minutes=minutes)


def _undo(deployment: Deployment, problem: Problem) -> Outcome:
    """Put the previous version back, tell, and return how it ended."""
    deployment.clock.say(f"failed: {problem}")
    result, after = _put_back(deployment, problem)
    reason = f"{problem} {after}" if str(problem).endswith(".") else f"{problem}. {after}"
    deployment.clock.say(after)
    order = deployment.order
    outcome = Outcome(result=result, commit=order.commit, previous=deployment.previous, reason=reason)
    _tell(deployment, outcome)
    return outcome


def _put_back(deployment: Deployment, problem: Problem) -> tuple[Exit, str]:
    name, previous = deployment.settings.bot, deployment.previous
    if isinstance(problem, Failed) and problem.is_undone:
        return Exit.ROLLED_BACK, f"The bot runs {previous} as before"
    if deployment.was is None:
        return (
            Exit.LEFT,
            f"It was the first version, there is nothing to go back to: {name} stays as it is, to be looked at",
        )
    if not deployment.is_changed:
        return Exit.LEFT, f"{name} was at this version before: nothing was changed, nothing is put back"
    aws, clock, role = deployment.aws, deployment.clock, deployment.foundation.role
    clock.say(f"rolling back to {previous}")
    try:
        ready(aws, clock, name=name)
        since = clock.now()
        if submit(aws, clock, name=name, role=role, wish=deployment.was):
            finish(aws, clock, name=name, since=since)
    except Problem as second:
        return Exit.LEFT, f"NOT rolled back: {second}. The bot may still run {deployment.order.commit}"
    return Exit.ROLLED_BACK, f"Rolled back: the bot runs {previous} again"


def _tell(deployment: Deployment, outcome: Outcome) -> None:
    """Publish the failure to the alarms' topic. That it cannot be told changes nothing about the outcome."""
    aws, clock, settings = deployment.aws, deployment.clock, deployment.settings
    try:
        stack = look_at(aws, settings.bot) or deployment.before
        topic = None if stack is None else stack.outputs.get("TopicArn")
        if not topic:
            raise Refused(f"the stack {settings.bot} has no topic yet")
        subject, message = notice(deployment, outcome)
        aws.call("sns", "publish", TopicArn=topic, Subject=subject, Message=message)
        clock.say(f"told {topic.rpartition(':')[2]}")
    except Problem as problem:
        clock.say(f"nobody was told: {problem}")


def notice(deployment: Deployment, outcome: Outcome) -> tuple[str, str]:
    """Return subject and text of the message about a failed deployment; no log lines, they are read in place."""
    settings, region = deployment.settings, deployment.settings.region
    end = "rolled back" if outcome.result is Exit.ROLLED_BACK else "NOT rolled back"
    lines = [
        f"new commit:      {outcome.commit}",
        f"previous commit: {outcome.previous or 'none'}",
        f"began:           {deployment.began:%Y-%m-%d %H:%M} UTC",
        f"reason:          {outcome.reason}",
        "",
        f"log:   aws logs tail /{settings.name}/bot --since 2h --region {region}",
        f"stack: aws cloudformation describe-stack-events --stack-name {settings.bot} --region {region}",
        *([f"run:   {deployment.order.where}"] if deployment.order.where else []),
    ]
    return f"{settings.name}: deployment of {outcome.commit[:12]} failed, {end}", "\n".join(lines)
