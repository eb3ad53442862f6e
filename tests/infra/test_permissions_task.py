"""What the task may do to the bucket is what a bot does there, no more and no less: recorded, and lived through.

Not shown here, because moto does not do it: that S3 answers "not found" of a missing object to who may list its name
only. S3 then takes the object's key for the prefix (Ceph copied that in its pull request 68577).
"""

import json
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from tests.archives import publish_months
from tests.builders import HOUR, random_klines, ticked
from tests.infra.foundations import policies
from tests.infra.iam import each_of, is_allowed, statements
from tests.infra.recording import S3Request, recorded_s3
from tests.jobs.training.trainings import EASY
from tests.worlds import SMALL_SEARCH, World, trading_world
from trader.cli import main

pytestmark = pytest.mark.slow

KLINES = {"BTCUSDT": ticked(random_klines(1500, seed=6, price=60000.0))}
FIRST = datetime(2024, 2, 29, 22, tzinfo=UTC)
BTC = ("--symbol", "BTCUSDT")
PREFIX = "bots/store"
TOLD = {"TRADER__DASHBOARD__ENABLED": "true", "TRADER__DRIFT__ENABLED": "true", "TRADER__MODELS__KEEP": "0"}
SEARCH = SMALL_SEARCH | {"TRADER__SEARCH__TRIALS": "2", "TRADER__TRAIN__WORKERS": "1"}
AFTERWARDS = (
    ("status",),
    ("doctor",),
    ("verify", *BTC),
    ("report",),
    ("models", "list"),
    ("models", "prune"),
    ("ledger", "rebuild", *BTC),
    ("drift", *BTC),
    ("train", "--if-due"),
    ("run", "--catch-up"),
)
"""What a container is told to do besides its hourly run."""


def do(*words: str, code: int = 0) -> None:
    assert main(list(words)) == code, words


def orders(world: World) -> int:
    return sum((each["method"], each["path"]) == ("POST", "/api/v3/order") for each in world.net.control.requests())


def live(world: World) -> None:
    """Hours with orders over the turn of a month, an operator's halt, a training, and everything that looks at them."""
    for hour in range(4):
        world.move_to_run(FIRST + hour * HOUR)
        do("run")
    assert orders(world), "no run sent an order"
    do("halt", "--why", "to see it")
    world.move_to_run(FIRST + 4 * HOUR)
    do("run")
    do("resume", "--why", "seen")
    do("train", *BTC, "--no-search")
    for words in AFTERWARDS:
        do(*words)


@pytest.fixture(scope="module")
def requests(tmp_path_factory) -> list[S3Request]:
    """All that was asked of S3."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        folder = tmp_path_factory.mktemp("lived")
        patch.chdir(folder)
        world = stack.enter_context(trading_world(folder, KLINES, first=FIRST, storage="s3"))
        seen = stack.enter_context(recorded_s3())
        world.enter(patch)
        for name, value in TOLD.items():
            patch.setenv(name, value)
        live(world)
        search(world, patch, folder / "archive")
    return seen


def search(world: World, patch: pytest.MonkeyPatch, archive) -> None:
    """Bring five months in from the archive and search a recipe, in another store below the same prefix."""
    publish_months(archive, EASY)
    for name, value in SEARCH.items():
        patch.setenv(name, value)
    patch.setenv("TRADER__BOT__MODE", "dry-run")
    patch.setenv("TRADER__STORAGE__URL", world.environment["TRADER__STORAGE__URL"] + "/searched")
    do("ingest", *BTC, "--start", "2024-01", "--end", "2024-06", "--archive", str(archive))
    do("train", *BTC)


def store_policy(bucket: str, *, prefix: str = PREFIX, without: str = "") -> dict:
    """What the foundation gives the task, for a bucket, with one action taken away."""
    (document,) = policies("TaskRole", references={"Bucket.Arn": f"arn:aws:s3:::{bucket}"}, Prefix=prefix)
    for statement in document["Statement"]:
        statement["Action"] = [action for action in each_of(statement["Action"]) if action != without]
    document["Statement"] = [statement for statement in document["Statement"] if statement["Action"]]
    return document


def test_the_task_may_do_exactly_what_a_bot_and_its_trainings_do(requests):
    used = {action for request in requests for action in request.actions}
    allowed = {action for statement in statements([store_policy("any")]) for action in each_of(statement["Action"])}
    assert used == allowed


def test_every_request_lies_below_the_prefix_and_is_allowed_there_and_nowhere_else(requests):
    bucket = requests[0].place[0]
    mine, next_door = [store_policy(bucket)], [store_policy(bucket, prefix=f"{PREFIX}2"), store_policy("another")]
    for request in requests:
        assert request.place[1].startswith(f"{PREFIX}/"), request
        for action in request.actions:
            assert is_allowed(mine, action, request.resource, **request.context), request
            assert not is_allowed(next_door, action, request.resource, **request.context), request


def test_the_whole_bucket_cannot_be_listed():
    bucket = "arn:aws:s3:::any"
    assert is_allowed([store_policy("any")], "s3:ListBucket", bucket, s3_prefix=f"{PREFIX}/journal/")
    assert not is_allowed([store_policy("any")], "s3:ListBucket", bucket, s3_prefix="")
    assert not is_allowed([store_policy("any")], "s3:ListBucket", bucket)


@pytest.fixture
def guarded(tmp_path, monkeypatch):
    """A world whose S3 lets a bot do what a policy says: `guarded(policy)` gives the bot a key of its own."""
    from moto.core.authorization import enable_iam_authentication  # noqa: PLC0415 - only these tests wait for it

    with trading_world(tmp_path, KLINES, first=FIRST, storage="s3") as world, ExitStack() as stack:
        world.enter(monkeypatch)

        def give(document: dict) -> World:
            for name, value in key_with(document, world).items():
                monkeypatch.setenv(name, value)
            stack.enter_context(enable_iam_authentication())
            world.move_to_run(FIRST)
            return world

        give.bucket = world.environment["TRADER__STORAGE__URL"].split("/")[2]
        yield give


def key_with(document: dict, world: World) -> dict[str, str]:
    """The key of a new user who may do what the document says."""
    import botocore.session  # noqa: PLC0415

    name = f"task-{world.environment['TRADER__STORAGE__URL'].split('/')[2]}"
    iam = botocore.session.Session().create_client(
        "iam",
        region_name="us-east-1",
        endpoint_url=world.environment["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing-secret",
    )
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="store", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.close()
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def test_a_bot_with_this_policy_trades_and_its_doctor_is_content(guarded):
    world = guarded(store_policy(guarded.bucket))
    do("run")
    do("doctor")
    assert orders(world) == 1


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ("s3:GetObject", ("run",)),
        ("s3:PutObject", ("run",)),
        ("s3:ListBucket", ("run",)),
        ("s3:DeleteObject", ("doctor",)),
    ],
)
def test_a_bot_without_one_of_them_says_which_and_that_a_person_has_to_act(guarded, capsys, without, words):
    guarded(store_policy(guarded.bucket, without=without))
    do(*words, code=3)
    told = capsys.readouterr()
    assert without in told.err + told.out


def test_a_bot_on_the_objects_of_another_is_refused(guarded, capsys, monkeypatch):
    world = guarded(store_policy(guarded.bucket))
    monkeypatch.setenv("TRADER__STORAGE__URL", world.environment["TRADER__STORAGE__URL"].replace("store", "other"))
    do("run", code=3)
    assert "access is denied" in capsys.readouterr().err
