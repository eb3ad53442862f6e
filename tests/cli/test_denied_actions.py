"""A role that lacks one action: the run names this action and the place, once, and ends with 3.

The server checks every request against the user's policy, as Amazon does; nothing is scripted.
"""

import json
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import botocore.loaders
import botocore.session
import pytest

from tests.cli.conftest import Trader
from tests.s3_server import REGION, S3Server, s3_server

pytestmark = pytest.mark.slow

LOADER = botocore.loaders.create_loader()
ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket")
NEVER = "100000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A server whose users and policies count, and one bucket in it."""

    server: S3Server

    def client(self, service: str):
        return botocore.session.Session().create_client(
            service,
            region_name=REGION,
            endpoint_url=self.server.endpoint,
            aws_access_key_id="root",
            aws_secret_access_key="root",
        )

    def enforce(self, *, on: bool) -> None:
        """Check requests from now on, or let everybody do everything."""
        address = f"{self.server.endpoint}/moto-api/reset-auth"
        after = b"0" if on else NEVER.encode()
        request = urllib.request.Request(address, data=after, headers={"Content-Type": "text/plain"}, method="POST")  # noqa: S310
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310

    def user_without(self, action: str) -> dict[str, str]:
        """The keys of a user who may do everything in the bucket but one thing."""
        iam, name = self.client("iam"), uuid.uuid4().hex
        arn = f"arn:aws:s3:::{self.server.bucket}"
        allowed = {
            "Effect": "Allow",
            "Action": [each for each in ACTIONS if each != action],
            "Resource": [arn, f"{arn}/*"],
        }
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        iam.close()
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def objects(self) -> dict[str, str]:
        s3 = self.client("s3")
        try:
            found = s3.list_objects_v2(Bucket=self.server.bucket).get("Contents", ())
            return {each["Key"]: each["ETag"] for each in found}
        finally:
            s3.close()


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture
def account(server, monkeypatch) -> Iterator[Account]:
    """An empty bucket that the settings name; nothing is enforced yet."""
    monkeypatch.setattr(botocore.session, "create_loader", lambda _: LOADER)
    own = server.another_bucket()
    own.apply(monkeypatch)
    monkeypatch.setenv("TRADER__STORAGE__URL", f"{own.url}/bots/one")
    account = Account(server=own)
    yield account
    account.enforce(on=False)


def denied(account: Account, trader: Trader, monkeypatch, action: str):
    """A run of somebody who lacks this action."""
    for name, value in account.user_without(action).items():
        monkeypatch.setenv(name, value)
    account.enforce(on=True)
    answer = trader("run")
    account.enforce(on=False)
    return answer


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:ListBucket"])
def test_a_new_bot_names_the_one_action_that_it_lacks_and_leaves_nothing(account, trader, monkeypatch, action):
    answer = denied(account, trader, monkeypatch, action)
    assert answer.code == 3
    (line,) = answer.err.splitlines()
    assert line.startswith(f"error: storage {account.server.url}/bots/one/")
    assert f": access is denied; allow {action} on " in line
    assert not [other for other in ACTIONS if other in line and other not in {action, "s3:ListBucket"}]
    assert account.objects() == {}


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:ListBucket"])
def test_a_bot_that_has_run_before_names_it_too_and_decides_nothing(account, trader, monkeypatch, action):
    """What could be written down before is the claim, given back, and that people know."""
    assert trader("run").code == 0
    before = account.objects()
    answer = denied(account, trader, monkeypatch, action)
    assert answer.code == 3
    assert f"allow {action} on " in answer.err
    assert [line for line in answer.err.splitlines() if "Traceback" in line] == []
    assert len([line for line in answer.err.splitlines() if line.startswith("error: ")]) == 1
    after = account.objects()
    changed = {key.split("/")[2] for key in after.keys() | before.keys() if after.get(key) != before.get(key)}
    assert changed <= ({"journal", "publication"} if action == "s3:ListBucket" else set())
    assert trader("run").code == 0  # and nothing of it is in the way once the role has what it needs


def test_what_the_command_has_said_is_not_logged_once_more(account, trader, monkeypatch, caplog):
    assert trader("run").code == 0
    caplog.clear()
    answer = denied(account, trader, monkeypatch, "s3:PutObject")
    assert len(answer.err.splitlines()) == 1
    assert [made.getMessage() for made in caplog.records if "access is denied" in made.getMessage()] == []


def test_a_run_needs_no_right_to_delete(account, trader, monkeypatch):
    assert denied(account, trader, monkeypatch, "s3:DeleteObject").code == 0
