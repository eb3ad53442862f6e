"""The door to AWS: every call of a deployment, by service and method, and what its refusals mean in words.

A call that `ACTIONS` does not list cannot be made; so the list is what the deploy role has to allow, and no more.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

ACTIONS = {
    ("cloudformation", "describe_stacks"): "cloudformation:DescribeStacks",
    ("cloudformation", "describe_stack_events"): "cloudformation:DescribeStackEvents",
    ("cloudformation", "get_template"): "cloudformation:GetTemplate",
    ("cloudformation", "create_stack"): "cloudformation:CreateStack",
    ("cloudformation", "update_stack"): "cloudformation:UpdateStack",
    ("cloudformation", "cancel_update_stack"): "cloudformation:CancelUpdateStack",
    ("ecr", "describe_images"): "ecr:DescribeImages",
    ("ecs", "run_task"): "ecs:RunTask",
    ("ecs", "stop_task"): "ecs:StopTask",
    ("ecs", "describe_tasks"): "ecs:DescribeTasks",
    ("ecs", "list_tasks"): "ecs:ListTasks",
    ("ecs", "describe_services"): "ecs:DescribeServices",
    ("ecs", "describe_task_definition"): "ecs:DescribeTaskDefinition",
    ("logs", "get_log_events"): "logs:GetLogEvents",
    ("s3", "get_object"): "s3:GetObject",
    ("s3", "list_objects_v2"): "s3:ListBucket",
    ("sns", "publish"): "sns:Publish",
}
"""What a deployment calls, and the permission each call needs. Passing the roles (iam:PassRole) is not a call."""

_DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_UNKNOWN_KEY = (
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "IncompleteSignature",
)
_LATER = (
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "LimitExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServerException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)


class Problem(Exception):
    """Why a deployment cannot go on, in a sentence that says what to do."""


class Refused(Problem):
    """A setting or a permission has to be changed by a person; trying again changes nothing."""


class NotNow(Problem):
    """AWS was not to be reached, or too busy, although it was asked several times."""


class Declined(Problem):
    """AWS understood and said no, in its own words: `code` and the message."""

    def __init__(self, message: str, *, code: str, words: str) -> None:
        super().__init__(message)
        self.code = code
        self.words = words


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The time, and waiting; `said` gets a line of progress, by default on the standard error, after the time."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    said: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        """Write one line of progress."""
        self.said(f"{self.now():%Y-%m-%d %H:%M:%S} UTC  {line}")

    def poll(self, *, every: float, until: datetime) -> Iterator[None]:
        """Yield now and then every so many seconds, for the last time at or after `until`."""
        while True:
            is_last = self.now() >= until
            yield
            if is_last:
                return
            self.sleep(min(every, max(1.0, (until - self.now()).total_seconds())))


@dataclass(slots=True, kw_only=True)
class Aws:
    """One region of one account; credentials come from the environment, as for every AWS tool."""

    region: str
    called: set[str] = field(default_factory=set)
    _clients: dict[str, Any] = field(default_factory=dict)

    def call(self, service: str, method: str, **arguments: object) -> dict[str, Any]:
        """Make one call. Raises Refused, NotNow or Declined; throttling has been retried by then."""
        action = ACTIONS[service, method]
        self.called.add(action)
        with _translated(action, region=self.region):
            return dict(getattr(self._client(service), method)(**arguments))

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object's bytes."""
        with _translated(ACTIONS["s3", "get_object"], region=self.region):
            return bytes(self.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read())

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            retries = {"mode": "standard", "total_max_attempts": 8}
            config = Config(retries=retries, connect_timeout=10, read_timeout=60)
            self._clients[service] = boto3.client(service, region_name=self.region, config=config)
        return self._clients[service]


@contextmanager
def _translated(action: str, *, region: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _in_words(error, action=action) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise Refused(
            "there are no AWS credentials: in GitHub Actions the step configure-aws-credentials has to come first (with"
            " `permissions: id-token: write`); on a laptop run `aws sso login` or set AWS_PROFILE"
        ) from error
    except (ConfigParseError, ProfileNotFound) as error:
        raise Refused(f"AWS's own settings are wrong: {error}; correct AWS_PROFILE or ~/.aws/config") from error
    except (SSOError, TokenRetrievalError) as error:
        raise Refused(f"the AWS session has ended: {error}; run `aws sso login`") from error
    except (BotoCoreError, ResponseParserError) as error:
        raise NotNow(
            f"{action} in {region} was not answered: {error}; check the region in infra/deploy.toml"
        ) from error


def _in_words(error: ClientError, *, action: str) -> Problem:
    code, words = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "").rstrip(".")
    if code in _DENIED or (code == "403" and "Forbidden" in words):
        return Refused(
            f"permission denied: {action} ({words}). The deploy role of infra/foundation.yml allows it: update the"
            " foundation stack, or assume that role"
        )
    if code in _EXPIRED:
        return Refused(
            f"the AWS session has expired ({action}: {words}). Sign in again; in GitHub Actions set"
            " role-duration-seconds of configure-aws-credentials to 10800 (the role allows that much)"
        )
    if code in _UNKNOWN_KEY:
        return Refused(f"AWS does not accept these credentials ({action}: {code}, {words}). Sign in again")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _LATER or status >= 500:  # noqa: PLR2004 - the server's fault
        return NotNow(f"{action} was not answered: {code}, {words}")
    return Declined(f"{action} failed: {code}, {words}", code=code, words=words)


def ago(clock: Clock, *, minutes: float) -> datetime:
    """Return the time so many minutes from now, for deadlines."""
    return clock.now() + timedelta(minutes=minutes)
