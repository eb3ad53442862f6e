"""A storage, a venue, a key or a store that is not what the settings promise.

Each time: what a run says and ends with, that the doctor finds the same, that no order was sent, and that the store is
as it was. A run that could claim its hour first leaves the claim, given back, and failing again changes nothing more.
"""

import json
from datetime import UTC, datetime, timedelta

import botocore.loaders
import botocore.session
import pytest
from Crypto.PublicKey import ECC

from tests.builders import HOUR, random_klines, ticked
from tests.cli.conftest import Trader, contents, differing, refused
from tests.desks import FIRST
from tests.s3_server import Fault, FaultyProxy, s3_server
from tests.testnet import running_testnet
from tests.worlds import environment_of, trading_world
from trader.adapters.s3_storage import storage as s3_storage
from trader.core.klines import close_of, last_closed

pytestmark = pytest.mark.slow

KLINES = ticked(random_klines(1500, seed=6, price=60000.0))
LOADER = botocore.loaders.create_loader()
NOBODY = "A" * 64
"""A key and a secret that could be ones, but are nobody's."""


@pytest.fixture
def world(tmp_path, monkeypatch):
    """The local testnet and an empty folder; the environment is the bot's."""
    with trading_world(tmp_path, {"BTCUSDT": KLINES}, first=FIRST, storage="folder") as running:
        running.enter(monkeypatch)
        running.move_to_run(FIRST)
        yield running


@pytest.fixture(scope="module")
def s3():
    with s3_server() as running:
        yield running


@pytest.fixture
def bucket(s3, world, monkeypatch):
    """The bot keeps its store in a bucket; there is a proxy before it, and nobody waits between tries."""
    monkeypatch.setattr(botocore.session, "create_loader", lambda _: LOADER)
    monkeypatch.setattr(s3_storage, "_PAUSES", (0.0, 0.0))
    own = s3.another_bucket()
    own.apply(monkeypatch)
    monkeypatch.setenv("TRADER__STORAGE__URL", f"{own.url}/bots/one")
    proxy = FaultyProxy(own.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
    proxy.bucket = own.bucket
    yield proxy
    proxy.close()


def objects(s3, name):
    """All that a bucket holds."""
    client = botocore.session.Session().create_client(
        "s3", region_name="eu-central-1", endpoint_url=s3.endpoint, aws_access_key_id="x", aws_secret_access_key="x"
    )
    try:
        return {each["Key"]: each["ETag"] for each in client.list_objects_v2(Bucket=name).get("Contents", ())}
    finally:
        client.close()


def doctor_finds(trader: Trader, name, *, code, says):
    """The doctor's check of this name has failed, for the same reason."""
    answer = trader("doctor", "--json")
    checks = {check["name"]: check for check in answer.json()["checks"]}
    assert (answer.code, answer.err) == (code, "")
    assert checks[name]["verdict"] == "failed", checks
    for words in says:
        assert words in checks[name]["found"] + "; " + checks[name]["advice"]


def orders_of(world):
    return world.net.control.orders()["orders"]


def all_denied(code, status=403, **headers):
    return lambda proxy: proxy.script.extend([Fault(status=status, code=code, headers=headers)] * 20)


STORAGES = {
    "bucket missing": (
        {"TRADER__STORAGE__URL": "s3://nobody-made-this/bots/one"},
        3,
        ("s3://nobody-made-this/bots/one/bot.json", "the bucket does not exist; create it, or correct storage.url"),
    ),
    "no permission": (all_denied("AccessDenied"), 3, ("access is denied; allow s3:GetObject", "s3:ListBucket")),
    "unknown key": (all_denied("InvalidAccessKeyId"), 3, ("key is not accepted; check AWS_ACCESS_KEY_ID",)),
    "wrong secret": (all_denied("SignatureDoesNotMatch"), 3, ("key is not accepted; check AWS_ACCESS_KEY_ID",)),
    "expired token": (all_denied("ExpiredToken", 400), 3, ("expired; log in again",)),
    "clock": (all_denied("RequestTimeTooSkewed"), 3, ("clock is more than 15 minutes off; set it",)),
    "wrong region": (
        all_denied("PermanentRedirect", 301, **{"x-amz-bucket-region": "eu-west-1"}),
        3,
        ("the bucket is in eu-west-1", "correct AWS_REGION"),
    ),
    "busy": (all_denied("SlowDown", 503), 75, ("cannot serve this now", "try later")),
    "no credentials": (
        {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
        3,
        ("no AWS credentials were found; set AWS_ACCESS_KEY_ID",),
    ),
    "unreachable": (
        {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"},
        75,
        ("http://127.0.0.1:9 gave no answer", "check AWS_REGION, AWS_ENDPOINT_URL_S3 and the network"),
    ),
    "no region": ({"AWS_REGION": None, "AWS_ENDPOINT_URL_S3": None}, 3, ("no AWS region is set; set AWS_REGION",)),
    "endpoint is no URL": ({"AWS_ENDPOINT_URL_S3": "nonsense"}, 3, ("correct AWS_REGION, AWS_ENDPOINT_URL_S3",)),
}


@pytest.mark.parametrize("case", STORAGES)
def test_a_bucket_that_cannot_be_used_stops_the_run_before_the_exchange_hears_of_it(
    *, case, world, bucket, s3, trader: Trader, monkeypatch
):
    change, code, says = STORAGES[case]
    if isinstance(change, dict):
        for name, value in change.items():
            monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    else:
        change(bucket)
    refused(trader("run"), code=code, says=says)
    assert world.net.control.requests() == []
    doctor_finds(trader, "storage", code=code, says=says)
    assert objects(s3, bucket.bucket) == {}
    assert orders_of(world) == []


def test_a_bucket_that_may_be_read_but_not_written_is_found_by_the_doctor_and_stops_the_run(
    world, bucket, s3, trader: Trader
):
    denied = Fault(status=403, code="AccessDenied")
    bucket.script = [None, None, denied]  # what is refused is the first write
    refused(trader("run"), code=3, says=("bot.json: access is denied; allow s3:PutObject",))
    bucket.script = [None, denied]
    doctor_finds(trader, "conditional writes", code=3, says=("doctor-probe-", "s3:PutObject"))
    assert objects(s3, bucket.bucket) == {}
    assert orders_of(world) == []


@pytest.mark.parametrize(
    "url",
    [
        *(
            "s3://",
            "s3:///bots",
            "s3:bucket/x",
            "s3://Bucket_/x",
            "s3://bucket/../x",
            "s3://bucket//x",
            "s3://bucket/a b",
        ),
        "s3://bucket/x?region=eu",
    ],
)
def test_an_address_that_is_no_bucket_is_refused_with_the_way_to_write_it(url, world, trader: Trader, monkeypatch):
    monkeypatch.setenv("TRADER__STORAGE__URL", url)
    refused(trader("run"), code=3, says=("storage.url",))
    assert world.net.control.requests() == []
    doctor_finds(trader, "storage", code=3, says=("storage.url",))


def test_a_password_in_the_storage_address_is_not_repeated(world, trader: Trader, monkeypatch):
    monkeypatch.setenv("TRADER__STORAGE__URL", "s3://key:hunter2@bucket/x")
    refused(trader("run"), code=3, says=("(an address with an @) is no S3 address",))
    said = trader("doctor")
    assert said.code == 3
    assert "hunter2" not in said.out + said.err


@pytest.mark.parametrize(
    ("secrets", "says"),
    [
        ({"API_KEY": NOBODY}, ("code -2015: Invalid API-key, IP, or permissions", "check the API key")),
        ({"API_SECRET": NOBODY}, ("code -1022: Signature for this request is not valid", "its secret")),
        ({"API_KEY": NOBODY, "API_SECRET": NOBODY}, ("code -2015",)),
    ],
)
def test_a_key_of_another_venue_or_a_wrong_secret_ends_before_any_order_and_the_hour_can_still_be_done(
    *, secrets, says, world, trader: Trader, tmp_path, monkeypatch
):
    for name, value in secrets.items():
        monkeypatch.setenv(f"TRADER__EXCHANGE__{name}", value)
    doctor_finds(trader, "exchange", code=3, says=says)
    assert contents(tmp_path / "store") == {}, "a doctor leaves no store behind"
    answer = trader("run")
    assert answer.code == 3, answer
    assert all(words in answer.err for words in says), answer.err
    (record,) = (tmp_path / "store").glob("journal/**/*.json")
    assert json.loads(record.read_bytes())["owner"] == ""
    before = contents(tmp_path / "store")
    assert set(before) == {"bot.json", record.relative_to(tmp_path / "store").as_posix()}
    assert trader("run").code == 3
    assert {key.split("/")[0] for key in differing(before, contents(tmp_path / "store"))} <= {"journal"}
    assert orders_of(world) == []
    for name in secrets:
        monkeypatch.setenv(f"TRADER__EXCHANGE__{name}", world.environment[f"TRADER__EXCHANGE__{name}"])
    assert trader("run", "--json").json()["runs"][0]["outcome"] == "done"
    assert len(orders_of(world)) == 1


def another_kind_of_key():
    return ECC.generate(curve="P-256").export_key(format="PEM")


def ed25519_key():
    return ECC.generate(curve="Ed25519").export_key(format="PEM")


@pytest.mark.parametrize(
    ("pem", "changes", "says"),
    [
        (None, {"API_KEY": "", "API_SECRET": ""}, ("needs a key of the test venue", "TRADER__EXCHANGE__API_KEY")),
        (None, {"API_SECRET": ""}, ("needs a key of the test venue", "TRADER__EXCHANGE__API_SECRET")),
        (None, {"API_SECRET": "", "PRIVATE_KEY": "gone.pem"}, ("gone.pem cannot be read", "check the path")),
        (lambda: ed25519_key()[:-60], {"API_SECRET": ""}, ("not an Ed25519 key in PEM", "openssl genpkey")),
        (lambda: "nonsense", {"API_SECRET": ""}, ("not an Ed25519 key in PEM",)),
        (another_kind_of_key, {"API_SECRET": ""}, ("not an Ed25519 key in PEM",)),
        (ed25519_key, {}, ("set exactly one of them",)),
        (None, {"API_KEY": "with blanks in it"}, ("the API key is not one", "copy it again")),
        (None, {"API_SECRET": "line\nend"}, ("the API secret is not one", "copy it again")),
    ],
)
def test_no_key_or_one_that_cannot_be_one_is_refused_before_anything_is_asked_or_stored(
    *, pem, changes, says, world, trader: Trader, tmp_path, monkeypatch
):
    if pem is not None:
        (tmp_path / "key.pem").write_text(pem())
        monkeypatch.setenv("TRADER__EXCHANGE__PRIVATE_KEY", "key.pem")
    for name, value in changes.items():
        monkeypatch.setenv(f"TRADER__EXCHANGE__{name}", value)
    refused(trader("run"), code=3, says=says)
    assert world.net.control.requests() == []
    assert not (tmp_path / "store").exists()
    doctor_finds(trader, "exchange", code=3, says=says)
    assert not [each for each in world.net.control.requests() if "account" in each["path"]]


@pytest.mark.parametrize(
    "url",
    [
        "https://api.binance.com",
        "https://api.binance.com/api",
        "https://api1.binance.com",
        "https://api-gcp.binance.com",
        "https://data-api.binance.vision",
        "https://testnet.binance.vision.evil.example",
        "https://testnet.binance.vision@api.binance.com",
        "https://api.binance.com/?x=testnet.binance.vision",
        "https://testnet.binance.vision:443",
        "http://testnet.binance.vision",
        "HTTPS://TESTNET.BINANCE.VISION",
        "https://testnet.binance.vision.",
        "http://user:hunter2@127.0.0.1:{port}",
        "http://127.0.0.1:{port}/redirect",
        "http://127.0.0.1.nip.io:{port}",
        "http://0.0.0.0:{port}",
        "",
    ],
)
def test_the_live_exchange_and_its_look_alikes_are_refused_before_any_request(
    url, world, trader: Trader, tmp_path, monkeypatch
):
    monkeypatch.setenv("TRADER__EXCHANGE__BASE_URL", url.format(port=world.net.url.rpartition(":")[2]))
    answer = trader("run")
    refused(answer, code=3, says=("orders may not go to", "paper only", "https://testnet.binance.vision"))
    assert "hunter2" not in answer.err
    assert world.net.control.requests() == []
    assert not (tmp_path / "store").exists()
    doctor_finds(trader, "exchange", code=3, says=("orders may not go to",))
    assert not [each for each in world.net.control.requests() if "account" in each["path"]]


@pytest.mark.parametrize("seconds", [5, -5])
def test_a_machine_whose_clock_is_five_seconds_off_trades_all_the_same_and_the_doctor_warns(
    seconds, tmp_path, trader: Trader, monkeypatch
):
    hours = 1500
    newest = last_closed(datetime.now(UTC) - timedelta(minutes=1), "1h")
    klines = ticked(random_klines(hours, seed=6, price=60000.0, start=newest - (hours - 26) * HOUR))
    now = datetime.now(UTC) + timedelta(seconds=seconds)
    with trading_world(tmp_path, {"BTCUSDT": klines}, first=newest, storage="folder") as world:
        world.enter(monkeypatch)
        world.net.control.move_to(now)
        monkeypatch.setenv("TRADER__RISK__MAX_LATENESS_MINUTES", "120")
        checks = {check["name"]: check for check in trader("doctor", "--json").json()["checks"]}
        for name in ("market's clock", "exchange's clock"):
            assert checks[name]["verdict"] == "warning", checks[name]
            assert f"s {'behind' if seconds > 0 else 'ahead of'} it" in checks[name]["found"]
        assert trader("run", "--json").json()["runs"][0]["outcome"] == "done"
        (order,) = orders_of(world)
    assert order["status"] == "FILLED"


def test_a_server_that_does_not_take_our_time_ends_with_not_now_and_sends_nothing(world, trader: Trader, tmp_path):
    world.net.control.fault("error", error="bad-timestamp", path="/api/v3/account", times=0)
    says = ("code -1021", "the clock was set by the server just before")
    answer = trader("run")
    assert answer.code == 75, answer
    assert all(words in answer.err for words in says)
    doctor_finds(trader, "exchange", code=75, says=says)
    assert orders_of(world) == []
    world.net.control.clear()
    world.net.control.fault("error", error="bad-timestamp", path="/api/v3/account")
    assert trader("run", "--json").json()["runs"][0]["outcome"] == "done", "one such answer is asked again"


def test_an_order_that_came_too_late_is_sent_again_under_another_id_and_executed_once(world, trader: Trader):
    world.net.control.order_fault("error", error="bad-timestamp")
    assert trader("run", "--json").json()["runs"][0]["outcome"] == "done"
    assert len(orders_of(world)) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"BOT__ID": "other"}, ("belongs to bot 'bot'", "this is bot 'other'")),
        ({"BOT__MODE": "dry-run"}, ("mode testnet", "mode dry-run")),
        ({"BOT__MODE": "demo", "BOT__SYMBOLS": ""}, ("mode testnet", "mode demo")),
        ({"BOT__INTERVAL": "4h"}, ("interval 1h", "interval 4h")),
        ({"EXCHANGE__BASE_URL": "http://localhost:{port}"}, ("market orders to 127.0.0.1", "orders to localhost")),
    ],
)
def test_the_store_of_another_bot_mode_interval_or_venue_is_left_alone(
    *, changes, says, world, trader: Trader, tmp_path, unchanged, monkeypatch
):
    assert trader("run").code == 0
    unchanged(tmp_path / "store")
    placed = orders_of(world)
    world.net.control.advance(3600)
    for name, value in changes.items():
        monkeypatch.setenv(f"TRADER__{name}", value.format(port=world.net.url.rpartition(":")[2]))
    commands = (["run"], ["status"], ["chart"], ["halt", "--why", "x"], ["ledger", "rebuild"])
    for words in commands:
        refused(trader(*words), code=3, says=(*says, "Choose another storage.url"))
    doctor_finds(trader, "storage", code=3, says=says)
    assert orders_of(world) == placed


def test_a_symbol_that_the_venue_does_not_have_does_not_keep_the_others_from_trading(
    world, trader: Trader, tmp_path, monkeypatch
):
    ether = ticked(random_klines(1500, seed=7, price=3000.0))
    now = close_of(FIRST, "1h") + timedelta(seconds=5)
    with running_testnet({"BTCUSDT": KLINES, "ETHUSDT": ether}, now=now) as market:
        monkeypatch.setenv("TRADER__MARKET__BASE_URL", market.url)
        monkeypatch.setenv("TRADER__BOT__SYMBOLS", "BTCUSDT,ETHUSDT")
        says = ("answered 400 for ETHUSDT (code -1121", "write it as Binance does")
        doctor_finds(trader, "ETHUSDT orders", code=3, says=says)
        answer = trader("run", "--json")
        assert answer.code == 3
        runs = {run["symbol"]: run for run in answer.json()["runs"]}
        assert {symbol: run["outcome"] for symbol, run in runs.items()} == {"BTCUSDT": "done", "ETHUSDT": "failed"}
        assert all(words in runs["ETHUSDT"]["error"] for words in says)
        assert market.control.orders()["orders"] == []
    assert {order["symbol"] for order in orders_of(world)} == {"BTCUSDT"}
    assert not list((tmp_path / "store").glob("state/ETHUSDT/*"))


def test_an_unknown_symbol_leaves_no_store(world, trader: Trader, tmp_path):
    refused(trader("run", "--symbol", "XYZUSDT"), code=3, says=("XYZUSDT (code -1121", "write it as Binance does"))
    assert not (tmp_path / "store").exists()
    answer = trader("doctor", "--symbol", "XYZUSDT", "--json")
    failed = [check["name"] for check in answer.json()["checks"] if check["verdict"] == "failed"]
    assert (answer.code, failed) == (3, ["XYZUSDT klines"])


def test_the_testnet_knows_no_other_time_than_now(world, trader: Trader, tmp_path):
    refused(trader("run", "--at", "2024-02-01"), code=3, says=("--at is for demo and dry-run",))
    assert world.net.control.requests() == []
    assert not (tmp_path / "store").exists()


def test_another_test_venue_with_its_own_prices_is_no_failure(world, trader: Trader, monkeypatch):
    with running_testnet(
        {"BTCUSDT": ticked(random_klines(1500, seed=8, price=30000.0))}, now=world.net.control.now()
    ) as net:
        for name, value in environment_of(net).items():
            if name.startswith("TRADER__EXCHANGE__"):
                monkeypatch.setenv(name, value)
        checks = {check["name"]: check for check in trader("doctor", "--json").json()["checks"]}
    assert checks["BTCUSDT orders"]["verdict"] == "ok"
    assert "from the market's price" in checks["BTCUSDT orders"]["found"]
