"""What the doctor says of a healthy bot, and of one that lacks one thing: it is named, and nothing else is blamed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.builders import HOUR, random_klines, symbol_rules
from tests.cli.conftest import contents
from tests.desks import FIRST, SYMBOL, make_desk, move_to_run, with_model
from tests.store.records import hourly
from trader.adapters.local_storage import LocalStorage
from trader.adapters.recorded_market import RecordedMarket
from trader.core.errors import BadConfig, BadData, Retryable
from trader.core.journal import BotState, Status
from trader.core.orders import LotSize
from trader.core.risk import ControlMode, Halt
from trader.core.strategy import PaperBook
from trader.jobs.doctor import Setup, Verdict, examine
from trader.jobs.run import run
from trader.store.control import Stamp, claim_store, say

KLINES = random_klines(1460, seed=5)
PER_SYMBOL = ("klines", "orders", "model", "journal")


@pytest.fixture
def desk(tmp_path):
    """A bot that has done its first run a few seconds ago."""
    desk = with_model(make_desk(tmp_path / "store", KLINES))
    run(desk)
    return desk


def setup_of(desk, **changes) -> Setup:
    """The desk as the doctor sees it; its simulated exchange is taken for a real one."""
    bot = desk.bot
    values = {
        "stamp": bot.stamp,
        "symbols": bot.symbols,
        "store": "the store",
        "notional": bot.notional,
        "rules": bot.rules,
        "host": bot.clock,
        "is_timed": True,
        "storage": lambda: bot.storage,
        "market": lambda: (bot.market, bot.clock),
        "exchange": lambda: bot.exchange,
    }
    return Setup(**{**values, **changes})


def looked_at(setup: Setup):
    return {check.name: check for check in examine(setup)}


def not_ok(checks):
    return {name: check.verdict for name, check in checks.items() if check.verdict is not Verdict.OK}


def raising(error):
    def open_nothing():
        raise error

    return open_nothing


def market_with(desk, **rules):
    """The desk's market with other rules."""
    bot = desk.bot
    return RecordedMarket(klines={SYMBOL: KLINES}, rules={SYMBOL: symbol_rules(**rules)}, clock=bot.clock), bot.clock


class Off:
    """A clock that goes by another, but some seconds off."""

    def __init__(self, clock, seconds):
        self.clock, self.offset = clock, timedelta(seconds=seconds)

    def now(self):
        return self.clock.now() + self.offset

    def monotonic(self):
        return self.clock.monotonic()


class Lossy(LocalStorage):
    """A storage that takes writes which should lose, as a server without conditional writes would."""

    broken = ""

    def create(self, key, data):
        return self.put(key, data) if self.broken == "create" else super().create(key, data)

    def replace(self, key, data, etag):
        return self.put(key, data) if self.broken == "replace" else super().replace(key, data, etag)


def test_a_healthy_bot_is_ok_in_everything_and_its_store_stays_as_it_was(desk, tmp_path):
    before = contents(tmp_path)
    checks = looked_at(setup_of(desk))
    assert not_ok(checks) == {}
    assert set(checks) == {
        *("settings", "storage", "conditional writes", "market", "market's clock", "exchange", "exchange's clock"),
        *(f"{SYMBOL} {what}" for what in PER_SYMBOL),
        "control",
    }
    assert all(check.advice == "" and check.error is None for check in checks.values())
    assert contents(tmp_path) == before
    assert "0.00% from the market's price" in checks[f"{SYMBOL} orders"].found


def test_a_bot_that_never_ran_is_ok_too(tmp_path):
    desk = make_desk(tmp_path, KLINES)
    checks = looked_at(setup_of(desk, exchange=None))
    assert not_ok(checks) == {}
    assert checks[f"{SYMBOL} model"].found == "none yet; the first run trains one"
    assert "no run is complete yet" in checks[f"{SYMBOL} journal"].found
    assert "exchange's clock" not in checks
    assert [path.name for path in tmp_path.iterdir() if path.name != ".storage"] != []
    assert not list(tmp_path.glob("doctor-probe-*"))
    assert not (tmp_path / "exchange").exists(), "a simulated account must not be opened by looking"


@pytest.mark.parametrize("broken", ["create", "replace"])
def test_a_storage_that_takes_writes_which_have_to_lose_is_found(desk, tmp_path, broken):
    storage = Lossy(tmp_path / "store", durable=False)
    storage.broken = broken
    checks = looked_at(setup_of(desk, storage=lambda: storage))
    assert not_ok(checks) == {"conditional writes": Verdict.FAILED}
    said = checks["conditional writes"]
    assert "two processes would send the same order" in said.found
    assert said.advice == "use a storage that has conditional writes"
    assert isinstance(said.error, BadConfig)
    assert not list((tmp_path / "store").glob("doctor-probe-*"))


def test_nothing_is_written_into_the_store_of_another_bot(desk, tmp_path):
    before = contents(tmp_path)
    checks = looked_at(setup_of(desk, stamp=replace(desk.bot.stamp, bot_id="other")))
    assert contents(tmp_path) == before
    assert checks["storage"].verdict is Verdict.FAILED
    assert "belongs to bot 'test'" in checks["storage"].found
    assert "choose another storage.url" in checks["storage"].advice.lower()
    assert checks["conditional writes"].verdict is Verdict.WARNING
    assert checks["conditional writes"].found == "not looked at: it needs the storage"
    assert checks[f"{SYMBOL} orders"].verdict is Verdict.OK


@pytest.mark.parametrize(
    ("part", "error", "unseen"),
    [
        ("storage", Retryable("no storage; try later"), {"conditional writes", "model", "journal", "control"}),
        ("market", BadConfig("no market; move"), {"market's clock", "klines", "orders"}),
        ("exchange", BadConfig("no exchange; get a key"), {"exchange's clock", "orders"}),
    ],
)
def test_a_part_that_cannot_be_opened_keeps_only_what_needs_it_from_being_looked_at(desk, part, error, unseen):
    checks = looked_at(setup_of(desk, **{part: raising(error)}))
    found, _, advice = str(error).partition("; ")
    assert (checks[part].verdict, checks[part].found, checks[part].advice) == (Verdict.FAILED, found, advice)
    assert checks[part].error is error
    names = {f"{SYMBOL} {name}" if name in PER_SYMBOL else name for name in unseen}
    assert not_ok(checks) == {part: Verdict.FAILED, **dict.fromkeys(names, Verdict.WARNING)}
    assert all(checks[name].advice == f"mend {part} first" for name in names)


@pytest.mark.parametrize(
    ("seconds", "verdict", "says"),
    [
        (0.9, Verdict.OK, "0.9 s ahead"),
        (5, Verdict.WARNING, "5.0 s ahead of it"),
        (-5, Verdict.WARNING, "5.0 s behind it"),
    ],
)
def test_a_wrong_clock_of_this_machine_is_a_warning_beside_both_servers(desk, seconds, verdict, says):
    checks = looked_at(setup_of(desk, host=Off(desk.bot.clock, seconds)))
    clocks = ("market's clock", "exchange's clock")
    assert {checks[name].verdict for name in clocks} == {verdict}
    assert all(says in checks[name].found for name in clocks)
    assert not set(not_ok(checks)) - set(clocks)
    if verdict is Verdict.WARNING:
        assert "NTP" in checks["market's clock"].advice


def test_a_market_without_new_klines_is_a_warning_and_one_without_any_a_failure(desk):
    late = KLINES[: KLINES.index_of(FIRST) - 1]
    for klines, verdict, says in (
        (late, Verdict.WARNING, "2.0 h after its close"),
        (KLINES[:9], Verdict.FAILED, "3.0"),
    ):
        market = RecordedMarket(klines={SYMBOL: klines}, rules={SYMBOL: symbol_rules()}, clock=desk.bot.clock)
        check = looked_at(setup_of(desk, market=lambda market=market: (market, desk.bot.clock)))[f"{SYMBOL} klines"]
        assert (check.verdict, says in check.found) == (verdict, True), check


def test_a_symbol_that_the_market_does_not_have_is_named(desk):
    checks = looked_at(setup_of(desk, symbols=(SYMBOL, "XYZUSDT"), exchange=None))
    assert not_ok(checks) == {"XYZUSDT klines": Verdict.FAILED, "XYZUSDT orders": Verdict.WARNING}
    assert "XYZUSDT" in checks["XYZUSDT klines"].found


LOT = LotSize(minimum=Decimal("0.1"), maximum=Decimal(3), step=Decimal("0.1"))


@pytest.mark.parametrize(
    ("rules", "notional", "verdict", "says"),
    [
        ({}, 6, Verdict.WARNING, "close to the smallest order"),
        ({}, 4, Verdict.FAILED, "raise sizing.notional"),
        ({"lot_size": LOT}, 200, Verdict.WARNING, "of sizing.notional, by which positions may be off"),
        ({"lot_size": LOT}, 3, Verdict.FAILED, "raise sizing.notional"),
        ({"lot_size": LOT}, 100000, Verdict.WARNING, "long is limited to 3 of 865.0 BTC"),
        ({"status": "BREAK"}, 500, Verdict.FAILED, "wait, or choose another symbol"),
        ({"min_notional": None}, 500, Verdict.OK, ""),
    ],
)
def test_orders_that_do_not_fit_the_filters_are_found(desk, rules, notional, verdict, says):
    changes = {"market": lambda: market_with(desk, **rules), "notional": Decimal(notional), "exchange": None}
    check = looked_at(setup_of(desk, **changes))[f"{SYMBOL} orders"]
    assert check.verdict is verdict, check
    assert says in check.advice


@pytest.mark.parametrize(
    ("base", "quote", "allow_short", "verdict", "says"),
    [
        ("10", "1000", True, Verdict.OK, "500 USDT"),
        ("0", "1000", True, Verdict.FAILED, "no order could go short with 500 USDT"),
        ("0", "1000", False, Verdict.OK, "500 USDT"),
        ("10", "0", True, Verdict.FAILED, "no order could go long with 500 USDT"),
        ("10", "400", True, Verdict.WARNING, "500 USDT"),
        ("1", "1000", True, Verdict.WARNING, "500 USDT"),
    ],
)
def test_an_account_that_is_too_small_for_a_direction_is_found(
    tmp_path, monkeypatch, *, base, quote, allow_short, verdict, says
):
    desk = make_desk(tmp_path, KLINES)
    desk.bot.exchange.rules(SYMBOL)
    balances = {"BTC": Decimal(base), "USDT": Decimal(quote)}
    monkeypatch.setattr(desk.bot.exchange, "balances", lambda: balances)
    rules = replace(desk.bot.rules, decision=replace(desk.bot.rules.decision, allow_short=allow_short))
    check = looked_at(setup_of(desk, rules=rules))[f"{SYMBOL} orders"]
    assert (check.verdict, says in check.found) == (verdict, True), check
    if verdict is Verdict.WARNING:
        assert "fund it, or lower sizing.notional" in check.advice


def test_the_quote_balance_is_shared_by_the_symbols_that_use_it(tmp_path, monkeypatch):
    desk = make_desk(tmp_path, KLINES)
    balances = {"BTC": Decimal(100), "USDT": Decimal(900)}
    monkeypatch.setattr(desk.bot.exchange, "balances", lambda: balances)
    monkeypatch.setattr(desk.bot.exchange, "rules", lambda symbol: symbol_rules(symbol=symbol, base_asset=symbol[:3]))
    alone = looked_at(setup_of(desk))[f"{SYMBOL} orders"]
    two = looked_at(setup_of(desk, symbols=(SYMBOL, "ETHUSDT")))[f"{SYMBOL} orders"]
    assert (alone.verdict, two.verdict) == (Verdict.OK, Verdict.WARNING)


def test_a_position_that_is_held_is_not_taken_for_a_lack_of_money(desk, monkeypatch):
    state = desk.journal.state()
    assert state.execution.position != 0
    monkeypatch.setattr(desk.bot.exchange, "balances", dict)  # all of it is in the position
    assert looked_at(setup_of(desk))[f"{SYMBOL} orders"].verdict is Verdict.OK


@pytest.mark.parametrize(
    ("days", "verdict", "says"),
    [
        (300, Verdict.OK, ""),
        (340, Verdict.WARNING, "expires after 365 days"),
        (366, Verdict.FAILED, "`trader train` a new one"),
    ],
)
def test_an_old_model_is_a_warning_and_an_expired_one_a_failure(desk, days, verdict, says):
    desk.bot.clock.move_to(desk.models.load_champion().card.last + timedelta(days=days))
    check = looked_at(setup_of(desk))[f"{SYMBOL} model"]
    assert (check.verdict, says in check.found + check.advice) == (verdict, True), check


def test_a_damaged_model_is_found_before_a_run_stumbles_over_it(desk):
    storage = desk.bot.storage
    (key,) = (key for key in storage.keys("models/") if key.endswith("model.ubj"))
    storage.put(key, b"cut off")
    check = looked_at(setup_of(desk))[f"{SYMBOL} model"]
    assert check.verdict is Verdict.FAILED
    assert isinstance(check.error, BadData)
    assert key in check.found


def test_a_scheduler_that_has_stopped_is_a_warning(desk):
    for hours, verdict, says in ((1, Verdict.OK, ""), (2, Verdict.WARNING, "2.0 h after its close")):
        move_to_run(desk, FIRST + hours * HOUR)
        check = looked_at(setup_of(desk))[f"{SYMBOL} journal"]
        assert (check.verdict, says in check.found, "scheduler" in check.advice) == (verdict, True, bool(says)), check


@pytest.mark.parametrize(("hours", "verdict"), [(2, Verdict.OK), (1, Verdict.WARNING)])
def test_a_run_that_was_left_unfinished_is_a_warning_unless_it_is_this_hours(desk, hours, verdict):
    left = hourly(FIRST + hours * HOUR, status=Status.CLAIMED, state=None, decision=None)
    key = replace(left.key, bot_id=desk.bot.bot_id)
    desk.journal.create(replace(left, key=key))
    desk.bot.clock.move_to(FIRST + 3 * HOUR)
    check = looked_at(setup_of(desk))[f"{SYMBOL} journal"]
    assert "1 unfinished since" in check.found
    assert check.verdict is verdict


def test_a_reached_limit_is_shown_with_the_way_back(desk):
    open_time = FIRST + HOUR
    state = BotState(paper=PaperBook(open_time=open_time, halt=Halt(at=open_time, why="lost too much")))
    record = hourly(open_time, state=state)
    desk.journal.create(replace(record, key=replace(record.key, bot_id=desk.bot.bot_id)))
    move_to_run(desk, open_time)
    check = looked_at(setup_of(desk))[f"{SYMBOL} journal"]
    assert (check.verdict, "halted: lost too much" in check.found) == (Verdict.WARNING, True)
    assert "trader resume" in check.advice


def test_the_operators_word_is_shown_with_who_said_it(desk):
    say(desk.bot.storage, mode=ControlMode.HALT, why="holidays", who="anna", at=desk.bot.clock.now())
    check = looked_at(setup_of(desk))["control"]
    assert check.verdict is Verdict.WARNING
    assert check.found.startswith("halt since 2024-")
    assert check.found.endswith("by anna: holidays")


def test_a_damaged_stamp_or_switch_is_told_apart_from_none(tmp_path):
    desk = make_desk(tmp_path, KLINES)
    desk.bot.storage.put("control.json", b"{")
    checks = looked_at(setup_of(desk))
    assert not_ok(checks) == {"control": Verdict.FAILED}
    assert isinstance(checks["control"].error, BadData)


def test_a_store_of_nobody_is_ok(tmp_path):
    desk = make_desk(tmp_path / "mine", KLINES)
    storage = LocalStorage(tmp_path / "nobodys", durable=False)
    check = looked_at(setup_of(desk, storage=lambda: storage))["storage"]
    assert (check.verdict, "unused" in check.found) == (Verdict.OK, True)
    claim_store(storage, mine=Stamp(bot_id="x", mode="demo", interval="1h"))
    assert looked_at(setup_of(desk, storage=lambda: storage))["storage"].verdict is Verdict.FAILED
