"""`trader doctor`: what it prints, what it ends with, and that nothing is traded or left behind."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import HOUR, random_klines, ticked
from tests.cli.conftest import Trader, contents
from tests.desks import FIRST
from tests.worlds import STORAGES, trading_world
from trader.bootstrap import open_storage
from trader.config import load_settings

KLINES = ticked(random_klines(1500, seed=6, price=60000.0))


def checks_of(answer):
    return {check["name"]: check for check in answer.json()["checks"]}


def objects():
    """All that the configured store holds."""
    storage = open_storage(load_settings())
    try:
        return {key: storage.get(key).data for key in storage.keys("")}
    finally:
        getattr(storage, "close", lambda: None)()


def test_a_demo_is_looked_at_in_one_line_a_check_and_stays_as_it_is(trader: Trader, store, unchanged):
    unchanged(store)
    answer = trader("doctor")
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert {line.split()[0] for line in lines} == {"ok"}
    assert (
        f"ok      settings              bot 'bot', mode demo, DEMOUSDT every 1h, notional 500, store {store}" in lines
    )
    assert any(line.startswith("ok      DEMOUSDT journal") for line in lines)


def test_json_has_the_same_checks(trader: Trader, store):
    checks = trader("doctor", "--json").json()["checks"]
    assert all(set(check) == {"name", "verdict", "found", "advice"} for check in checks)
    assert [line[8:30].strip() for line in trader("doctor").out.splitlines()] == [check["name"] for check in checks]


def test_a_fresh_folder_is_no_reason_to_complain_and_holds_no_object_afterwards(trader: Trader, empty_store):
    answer = trader("doctor", "--json")
    assert answer.code == 0
    assert {check["verdict"] for check in answer.json()["checks"]} == {"ok"}
    assert contents(empty_store) == {}


def test_what_to_do_stands_below_what_was_found(trader: Trader, store, unchanged):
    assert trader("halt", "--why", "holidays").code == 0
    unchanged(store)
    answer = trader("doctor")
    assert answer.code == 0, "a warning is no failure"
    warning, advice = answer.out.splitlines()[-2:]
    assert warning.startswith("warning control               halt since ")
    assert warning.endswith(": holidays")
    assert advice == " " * 30 + "-> `trader resume --why ...` to trade again"


def test_settings_that_cannot_be_read_are_the_only_check(trader: Trader, store, unchanged, monkeypatch):
    unchanged(store)
    monkeypatch.setenv("TRADER__BOT__MODE", "real")
    monkeypatch.setenv("TRADER__COSTS__FEE_RATE", "2")
    answer = trader("doctor", "--json")
    (check,) = answer.json()["checks"]
    assert (answer.code, check["name"], check["verdict"]) == (3, "settings", "failed")
    assert "TRADER__BOT__MODE" in check["found"]
    assert "TRADER__COSTS__FEE_RATE" in check["found"]
    lines = trader("doctor").out.splitlines()
    assert lines[0].startswith("failed  settings              setting ")
    assert lines[1].startswith(" " * 30 + "setting ")


def test_only_a_market_that_does_not_answer_is_not_now(trader: Trader, empty_store, monkeypatch):
    monkeypatch.setenv("TRADER__BOT__MODE", "dry-run")
    monkeypatch.setenv("TRADER__MARKET__BASE_URL", "http://127.0.0.1:9")
    answer = trader("doctor", "--json")
    found = checks_of(answer)
    assert answer.code == 75
    assert found["market"]["found"].startswith("http://127.0.0.1:9 did not answer")
    assert found["market"]["advice"] == "check the network, try later"
    assert found["BTCUSDT orders"]["verdict"] == "warning"
    assert found["conditional writes"]["verdict"] == "ok"

    monkeypatch.setenv("TRADER__STORAGE__URL", "ftp://somewhere")
    answer = trader("doctor", "--json")
    assert answer.code == 3, "what a person has to change goes before what may pass by itself"
    assert [name for name, check in checks_of(answer).items() if check["verdict"] == "failed"] == ["storage", "market"]


def test_a_damaged_store_ends_with_the_code_of_data(trader: Trader, store, unchanged):
    (store / "control.json").write_bytes(b"{")
    unchanged(store)
    answer = trader("doctor", "--json")
    failed = {name: check for name, check in checks_of(answer).items() if check["verdict"] == "failed"}
    assert (answer.code, list(failed)) == (4, ["control"])
    assert "control.json" in failed["control"]["found"]


@pytest.mark.slow
@pytest.mark.parametrize("storage", STORAGES)
def test_a_bot_on_the_testnet_is_looked_at_without_an_order_or_a_trace(tmp_path, storage, trader: Trader, monkeypatch):
    with trading_world(tmp_path, {"BTCUSDT": KLINES}, first=FIRST, storage=storage) as world:
        world.enter(monkeypatch)
        world.move_to_run(FIRST)
        answer = trader("doctor", "--json")
        assert answer.code == 0, answer
        assert "unused" in checks_of(answer)["storage"]["found"]
        assert objects() == {}

        assert trader("run").code == 0
        before, sent = objects(), len(world.net.control.requests())
        world.net.control.fault("price-basis", factor="1.05")
        found = checks_of(trader("doctor", "--json"))
        assert objects() == before
        asked = world.net.control.requests()[sent:]
    # The server lives in the past, which is this machine's clock's fault as far as anybody can tell.
    assert {name for name, check in found.items() if check["verdict"] != "ok"} == {"market's clock", "exchange's clock"}
    assert found["exchange"]["found"] == "orders to 127.0.0.1: the key is accepted, the account holds 2 assets"
    assert "days ahead of it" in found["exchange's clock"]["found"]
    assert "from the market's price" in found["BTCUSDT orders"]["found"]
    assert {request["method"] for request in asked} == {"GET"}
    assert len(asked) <= 15


@pytest.mark.slow
def test_a_place_that_binance_does_not_serve_is_told_which_and_what_to_do(tmp_path, trader: Trader, monkeypatch):
    with trading_world(tmp_path, {"BTCUSDT": KLINES}, first=FIRST, storage="folder") as world:
        world.enter(monkeypatch)
        world.net.control.fault("error", error="geo-block", times=0)
        answer = trader("doctor", "--json")
    found = checks_of(answer)
    assert answer.code == 3
    for name in ("market", "exchange"):
        assert found[name]["verdict"] == "failed"
        assert "does not serve this place (US addresses, and clouds' us regions)" in found[name]["found"]
        assert found[name]["advice"] == "run in another region"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lacks", "says", "advice"),
    [
        ("", "BTCUSDT is BREAK there", "wait"),
        ("USDT", "no order could go long with 500 USDT: BTCUSDT may use", "fund the account"),
        ("BTC", "no order could go short with 500 USDT: BTCUSDT may use 0 BTC", "fund the account"),
    ],
)
def test_an_account_that_cannot_trade_is_found(tmp_path, *, lacks, says, advice, trader: Trader, monkeypatch):
    with trading_world(tmp_path, {"BTCUSDT": KLINES}, first=FIRST, storage="folder") as world:
        world.enter(monkeypatch)
        world.move_to_run(FIRST)
        if lacks:
            all_of_it = world.net.control.state()["balances"][lacks]
            world.net.control.fault("balance", asset=lacks, amount=f"-{all_of_it}")
        else:
            world.net.control.fault("symbol-status", status="BREAK", symbol="BTCUSDT")
        answer = trader("doctor", "--json")
    check = checks_of(answer)["BTCUSDT orders"]
    assert (answer.code, check["verdict"]) == (3, "failed"), check
    assert says in check["found"]
    assert check["advice"].startswith(advice)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "says"),
    [("TRADER__EXCHANGE__API_KEY", "TRADER__EXCHANGE__API_KEY"), ("TRADER__EXCHANGE__API_SECRET", "signature")],
)
def test_a_wrong_key_and_a_wrong_secret_are_told_and_not_shown(tmp_path, *, name, says, trader: Trader, monkeypatch):
    with trading_world(tmp_path, {"BTCUSDT": KLINES}, first=FIRST, storage="folder") as world:
        world.enter(monkeypatch)
        wrong = "wr0ng" * 12 + "wr0n"
        monkeypatch.setenv(name, wrong)
        answer = trader("doctor", "--json")
        status = trader("status")
    found = checks_of(answer)
    assert answer.code in (3, 5)
    assert found["exchange"]["verdict"] == "failed"
    assert found["exchange"]["advice"]
    assert {each for each, check in found.items() if check["verdict"] == "failed"} == {"exchange"}
    assert "mend exchange first" in found["BTCUSDT orders"]["advice"]
    assert wrong not in answer.out + answer.err
    assert world.environment[name] not in answer.out + answer.err
    assert (status.code, "NEVER RUN" in status.out) == (0, True), "who looks needs no key"


@pytest.mark.slow
def test_a_clock_five_seconds_off_is_a_warning_beside_both_servers_and_the_bot_is_not_late(
    tmp_path, trader: Trader, monkeypatch
):
    now = datetime.now(UTC)
    first = now.replace(minute=0, second=0, microsecond=0) - HOUR
    klines = ticked(random_klines(1402, seed=6, price=60000.0, start=first - 1400 * HOUR))
    with trading_world(tmp_path, {"BTCUSDT": klines}, first=first, storage="folder") as world:
        world.enter(monkeypatch)
        world.net.control.move_to(datetime.now(UTC) + timedelta(seconds=5))
        found = checks_of(trader("doctor", "--json"))
    for name in ("market's clock", "exchange's clock"):
        assert found[name]["verdict"] == "warning"
        assert found[name]["found"].endswith("s behind it")
        assert 4 <= float(found[name]["found"].split()[4]) <= 6
        assert "NTP" in found[name]["advice"]
    assert {name for name, check in found.items() if check["verdict"] != "ok"} == {"market's clock", "exchange's clock"}


@pytest.mark.slow
def test_a_storage_that_does_not_answer_leaves_everything_else_to_be_looked_at(trader: Trader, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("TRADER__STORAGE__URL", "s3://bucket/prefix")
    monkeypatch.setenv("TRADER__BOT__MODE", "dry-run")
    monkeypatch.setenv("TRADER__MARKET__BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TRADER__TRACKER__KINDS", "mlflow")
    answer = trader("doctor", "--json")
    found = checks_of(answer)
    failed = {name for name, check in found.items() if check["verdict"] == "failed"}
    assert failed == {"storage", "market", "tracker mlflow"}
    assert "die with the container" in found["tracker mlflow"]["found"] + found["tracker mlflow"]["advice"]
    assert found["BTCUSDT journal"]["advice"] == "mend storage first"
    assert "disk" not in found
    assert answer.code == 3
    assert trader("status").code == 75


def test_who_is_told_is_looked_at_too(trader: Trader, store, monkeypatch):
    monkeypatch.setenv("TRADER__TRACKER__KINDS", "mlflow")
    monkeypatch.setenv("TRADER__DASHBOARD__ENABLED", "true")
    (store / "publication" / "DEMOUSDT" / "1h.json").unlink(missing_ok=True)
    found = checks_of(trader("doctor", "--json"))
    assert {"versions", "disk", "tracker mlflow", "notices", "DEMOUSDT telling"} <= set(found)
    assert "nobody was told of any run" in found["DEMOUSDT telling"]["found"]
    assert found["versions"]["found"].startswith("trader ")
