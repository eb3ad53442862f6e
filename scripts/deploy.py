"""Deploy a version of the bot to AWS, and only believe it once that version has completed a run.

    python scripts/deploy.py deploy --commit SHA       change the stack, probe, verify; roll back and tell if it fails
    python scripts/deploy.py verify --commit SHA --since 2026-11-21T17:00Z      wait for a completed run of that version
    python scripts/deploy.py rollback [--commit SHA]   back to the previous (or that) version, without waiting for a run
    python scripts/deploy.py settings                  infra/deploy.toml as key=value lines, for the pipeline

It needs boto3 alone (requirements-deploy.txt). Progress goes to the standard error, the end to the standard output.

exit 0   deployed (or verified)
     1   failed; the previous version is in place again
     2   failed or interrupted, and nothing was put back: a person has to look at the stack
     3   refused before anything was changed: a setting, a permission, a sha, or AWS could not be reached
"""

import argparse
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.deploy_aws import Aws, Clock, Problem, Refused
from scripts.deploy_flow import Deployment, Exit, Order, Outcome, deploy, prepare, standing, switch
from scripts.deploy_settings import Settings, check_commit, check_image, load
from scripts.deploy_stack import look_at
from scripts.deploy_tasks import revision_of
from scripts.deploy_verify import VERIFY_MINUTES, verify

ROOT = Path(__file__).parents[1]
_LONGEST = 1440


def main(arguments: Sequence[str] | None = None, *, clock: Clock | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    commit = options.commit or ""
    try:
        settings = load(options.settings, options.template)
        if options.command == "settings":
            return _print_settings(settings)
        outcome = _run(options, settings, clock or Clock())
    except Problem as problem:
        outcome = Outcome(result=Exit.REFUSED, commit=commit, reason=str(problem))
    except KeyboardInterrupt:
        outcome = Outcome(result=Exit.LEFT, commit=commit, reason="interrupted; nothing was changed")
    except Exception as error:  # noqa: BLE001 - Python's own exit code would say that all was put back
        traceback.print_exception(error)
        reason = f"a bug in scripts/deploy.py: {error!r}; look at the stack before anything else"
        outcome = Outcome(result=Exit.LEFT, commit=commit, reason=reason)
    if options.json:
        print(json.dumps(outcome.as_json()))
    elif outcome.reason:
        print(f"error: {outcome.reason}", file=sys.stderr)
    return int(outcome.result)


def _run(options: argparse.Namespace, settings: Settings, clock: Clock) -> Outcome:
    with closing(Aws(region=settings.region)) as aws:
        if options.command == "verify":
            return _verify(aws, clock, settings, options=options)
        return _change(aws, clock, settings, options=options)


def _change(aws: Aws, clock: Clock, settings: Settings, *, options: argparse.Namespace) -> Outcome:
    commit = check_commit(options.commit or _previous(aws, settings))
    image = check_image(options.image) if getattr(options, "image", None) else None
    minutes = getattr(options, "minutes", VERIFY_MINUTES)
    deployment = prepare(aws, clock, settings, order=Order(commit=commit, image=image, minutes=minutes, where=_where()))
    return _watched(deployment, deploy if options.command == "deploy" else switch)


def _watched(deployment: Deployment, work: Callable[[Deployment], Outcome]) -> Outcome:
    try:
        return work(deployment)
    except KeyboardInterrupt:
        words = standing(deployment)
        return Outcome(result=Exit.LEFT, commit=deployment.order.commit, previous=deployment.previous, reason=words)


def _verify(aws: Aws, clock: Clock, settings: Settings, *, options: argparse.Namespace) -> Outcome:
    commit = check_commit(options.commit)
    stack = look_at(aws, settings.bot)
    if stack is None or stack.parameters.get("Commit") != commit:
        now = "not there" if stack is None else f"at {stack.parameters.get('Commit')}"
        raise Refused(f"{settings.bot} is {now}, not at {commit}: deploy that first, or verify what is there")
    since, minutes, revision = options.since, options.minutes, revision_of(aws, stack)
    try:
        records = verify(aws, clock, stack, revision=revision, commit=commit, since=since, minutes=minutes)
    except Problem as problem:
        return Outcome(result=Exit.LEFT, commit=commit, reason=str(problem))
    return Outcome(result=Exit.DEPLOYED, commit=commit, records=tuple(records))


def _previous(aws: Aws, settings: Settings) -> str:
    stack = look_at(aws, settings.bot)
    if stack is None:
        raise Refused(f"there is no stack {settings.bot}: nothing to go back from")
    if previous := stack.parameters.get("PreviousCommit", ""):
        return previous
    raise Refused(
        f"{settings.bot} does not know what was deployed before: say it with --commit SHA (git log shows them)"
    )


def _print_settings(settings: Settings) -> int:
    for key, value in {**settings.values, "foundation_stack": settings.foundation, "bot_stack": settings.bot}.items():
        print(f"{key}={value}")
    return 0


def _where() -> str:
    """Return the address of the pipeline's run, "" outside of GitHub Actions."""
    named = [os.environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    return "{}/{}/actions/runs/{}".format(*named) if all(named) else ""


class _Parser(argparse.ArgumentParser):
    """Refuses a wrong command line with the exit code of refusals: argparse's own 2 means something else here."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        self.exit(int(Exit.REFUSED), f"{self.format_usage()}error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", type=Path, default=ROOT / "infra/deploy.toml", help="default: infra/deploy.toml")
    parser.add_argument("--template", type=Path, default=ROOT / "infra/bot.yml", help="default: infra/bot.yml")
    commands = parser.add_subparsers(dest="command", required=True)
    printing = commands.add_parser("settings", help="print deploy.toml as key=value lines")
    printing.set_defaults(commit=None, json=False)
    each = {name: commands.add_parser(name, help=text) for name, text in _COMMANDS.items()}
    for name, command in each.items():
        command.add_argument("--commit", required=name != "rollback", metavar="SHA", help="all 40 digits")
        command.add_argument("--json", action="store_true", help="the end as one JSON object on the standard output")
    each["deploy"].add_argument(
        "--image", metavar="URI@DIGEST", help="default: the image that is tagged with the commit"
    )
    each["verify"].add_argument("--since", type=_moment, required=True, metavar="ISO", help="when the deployment began")
    for name in ("deploy", "verify"):
        each[name].add_argument(
            "--minutes", type=_minutes, default=VERIFY_MINUTES, help=f"to wait for a run (default {VERIFY_MINUTES})"
        )
    return parser


_COMMANDS = {
    "deploy": "change the stack, probe, verify; roll back and tell if it fails",
    "verify": "wait for a completed run of the version that is deployed",
    "rollback": "back to the previous (or that) version, without waiting for a run",
}


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes <= _LONGEST:  # nan, too: either would put a good version back
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {_LONGEST}")
    return minutes


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _terminated(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(main())
