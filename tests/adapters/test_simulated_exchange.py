"""The simulated exchange: an account that lives in storage, shared by compare-and-swap, and filled at the market."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.builders import HOUR, START, klines_of, symbol_rules
from trader.adapters.clocks import VirtualClock
from trader.adapters.local_storage import LocalStorage
from trader.adapters.recorded_market import RecordedMarket
from trader.adapters.simulated_exchange import KEY, SimulatedExchange
from trader.core.errors import BadConfig, BadData, Conflict, Rejected, Retryable
from trader.core.orders import OrderIntent, OrderStatus, Side
from trader.simulator.account import HISTORY, Account, decode, encode
from trader.simulator.engine import execution_report, find_order
from trader.simulator.venue import VenueSettings

D = Decimal
VENUE = VenueSettings(
    commission_rate=D("0.001"),
    half_spread_rate=D("0.0005"),
    level_notional=D(1000),
    levels=3,
    start_quote=D(10000),
    start_base_notional=D(5000),
)
ETH = symbol_rules(symbol="ETHUSDT", base_asset="ETH")


class CountingStorage(LocalStorage):
    """Local storage that counts what it is asked and can be made to lose a race."""

    def __init__(self, root):
        super().__init__(root, durable=False)
        self.reads = self.writes = 0
        self.before_write = None

    def get(self, key):
        self.reads += 1
        return super().get(key)

    def create(self, key, data):
        self._step()
        return super().create(key, data)

    def replace(self, key, data, etag):
        self._step()
        return super().replace(key, data, etag)

    def _step(self):
        self.writes += 1
        if self.before_write:
            action, self.before_write = self.before_write, None
            action()


@pytest.fixture
def storage(tmp_path):
    return CountingStorage(tmp_path / "store")


def exchange(storage, *, symbols=(), closes=(100, 200), venue=VENUE):
    clock = VirtualClock(START + HOUR)
    market = RecordedMarket(
        klines={"BTCUSDT": klines_of(closes), "ETHUSDT": klines_of([10, 10])},
        rules={"BTCUSDT": symbol_rules(), "ETHUSDT": ETH},
        clock=clock,
    )
    return SimulatedExchange(storage=storage, market=market, clock=clock, venue=venue, symbols=symbols), clock


def found(storage, identity, symbol="BTCUSDT"):
    """What the stored account says of an order, None when it has none; changes nothing."""
    stored = storage.get(KEY)
    account = Account() if stored is None else decode(stored.data, source="test")
    placed = find_order(account, symbol, client_order_id=identity)
    return None if placed is None else execution_report(placed)


def order(side=Side.BUY, quantity="2", identity="leg-1", symbol="BTCUSDT"):
    return OrderIntent(symbol=symbol, side=side, quantity=D(quantity), client_order_id=identity, signed_at=START)


def test_an_order_is_filled_around_the_markets_price_and_found_again(storage):
    venue, clock = exchange(storage)
    clock.sleep(3)
    report = venue.submit(order())
    assert [(fill.price, fill.quantity) for fill in report.fills] == [(D("100.05"), D(2))]
    assert (report.status, report.at) == (OrderStatus.FILLED, clock.now())
    assert found(storage, "leg-1") == report
    assert venue.balances() == {"BTC": D("51.998"), "USDT": D("9799.9")}
    clock.move_to(START + 2 * HOUR)
    assert venue.submit(order(identity="leg-2")).fills[0].price == D("200.10")


def test_the_account_outlives_the_process(storage):
    report = exchange(storage)[0].submit(order())
    later, _ = exchange(storage)
    assert found(storage, "leg-1") == report
    assert later.balances() == {"BTC": D("51.998"), "USDT": D("9799.9")}
    assert later.submit(order(identity="leg-2")).order_id == report.order_id + 1


def test_a_fresh_account_has_quote_and_base_of_every_named_symbol(storage):
    venue, _ = exchange(storage, symbols=("BTCUSDT", "ETHUSDT"))
    assert venue.balances() == {"BTC": D(50), "ETH": D(500), "USDT": D(10000)}


def test_a_symbol_is_opened_when_it_is_first_used_at_the_price_of_that_moment(storage):
    venue, clock = exchange(storage)
    assert venue.balances() == {}
    assert venue.rules("ETHUSDT") == ETH
    assert venue.balances() == {"ETH": D(500), "USDT": D(10000)}
    clock.move_to(START + 2 * HOUR)
    venue.rules("BTCUSDT")
    assert venue.balances() == {"BTC": D(25), "ETH": D(500), "USDT": D(10000)}  # 5000 at 200
    clock.move_to(START + HOUR)
    assert exchange(storage, symbols=("BTCUSDT",))[0].balances()["BTC"] == D(25)


def test_a_deleted_account_is_a_fresh_one_as_after_a_testnet_reset(storage):
    venue, _ = exchange(storage)
    venue.submit(order())
    storage.delete(KEY)
    assert found(storage, "leg-1") is None
    assert venue.balances() == {"BTC": D(50), "USDT": D(10000)}


def test_a_refused_order_leaves_no_trace(storage):
    venue, _ = exchange(storage)
    venue.rules("BTCUSDT")
    before = storage.get(KEY).data
    for intent, code in (
        (order(Side.SELL, "60"), -2010),
        (order(quantity="0.01"), -1013),
        (order(identity="a b"), -1100),
    ):
        with pytest.raises(Rejected) as caught:
            venue.submit(intent)
        assert caught.value.code == code
    assert storage.get(KEY).data == before
    assert found(storage, "leg-1") is None


def test_a_thin_book_fills_a_part(storage):
    report = exchange(storage)[0].submit(order(quantity="40"))
    assert report.status is OrderStatus.EXPIRED
    assert report.executed == sum(fill.quantity for fill in report.fills)
    assert len(report.fills) == 3
    assert 29 < report.executed < 30


def test_the_same_id_sent_again_executes_a_second_time_as_on_binance(storage):
    venue, _ = exchange(storage)
    first, second = venue.submit(order()), venue.submit(order())
    assert first.order_id != second.order_id
    assert venue.balances()["BTC"] == D("53.996")
    assert found(storage, "leg-1") == second


def test_an_order_that_was_taken_is_settled_as_what_it_became(storage):
    venue, _ = exchange(storage)
    report = venue.submit(order())
    writes = storage.writes
    assert venue.settle(order()) == report
    assert storage.writes == writes


def test_an_order_that_was_settled_as_never_sent_is_refused_for_ever(storage):
    venue, _ = exchange(storage, symbols=("BTCUSDT",))
    assert venue.settle(order()) is None
    writes = storage.writes
    assert venue.settle(order()) is None
    assert storage.writes == writes
    with pytest.raises(Rejected, match="settled as never sent; it comes too late"):
        exchange(storage)[0].submit(order())
    assert venue.settle(order()) is None
    assert venue.submit(order(identity="leg-2")).status is OrderStatus.FILLED


def test_a_sender_that_was_frozen_in_the_middle_of_its_write_is_refused_too(storage):
    frozen, awake = exchange(storage)[0], exchange(storage)[0]
    frozen.rules("BTCUSDT")
    storage.before_write = lambda: awake.settle(order())
    with pytest.raises(Rejected, match="comes too late"):
        frozen.submit(order())
    assert found(storage, "leg-1") is None


def test_only_the_newest_refusals_are_remembered(storage):
    venue, _ = exchange(storage)
    account = Account(closed=tuple(f"old-{number}" for number in range(HISTORY)))
    storage.put(KEY, encode(account))
    venue.settle(order())
    assert decode(storage.get(KEY).data, source="test").closed == (*account.closed[1:], "leg-1")


def test_two_exchanges_that_race_both_get_their_order_in(storage):
    slow, fast = exchange(storage)[0], exchange(storage)[0]
    slow.rules("BTCUSDT")
    storage.before_write = lambda: fast.submit(order(identity="fast"))
    slow.submit(order(identity="slow"))
    account = decode(storage.get(KEY).data, source="test")
    assert [one.client_order_id for one in account.orders] == ["fast", "slow"]
    assert [one.order_id for one in account.orders] == [1, 2]
    assert [[trade.id for trade in one.trades] for one in account.orders] == [[1], [2]]
    assert account.free("BTC") == D("53.996")
    assert found(storage, "slow") is not None


def test_two_exchanges_that_race_for_the_first_write_open_one_account(storage):
    slow, fast = exchange(storage, symbols=("BTCUSDT",))[0], exchange(storage)[0]
    storage.before_write = lambda: fast.submit(order(identity="fast"))
    assert slow.balances() == fast.balances() == {"BTC": D("51.998"), "USDT": D("9799.9")}


def test_an_order_that_no_longer_fits_after_a_lost_race_is_refused(storage):
    slow, fast = exchange(storage)[0], exchange(storage)[0]
    slow.rules("BTCUSDT")
    storage.before_write = lambda: fast.submit(order(Side.SELL, "29", "fast"))
    with pytest.raises(Rejected) as caught:
        slow.submit(order(Side.SELL, "22", "slow"))
    assert caught.value.code == -2010
    assert found(storage, "slow") is None


def test_a_race_that_is_always_lost_ends(storage, monkeypatch):
    venue, _ = exchange(storage)
    venue.rules("BTCUSDT")

    def lose(key, data, etag):
        raise Conflict(key)

    monkeypatch.setattr(storage, "replace", lose)
    with pytest.raises(Retryable, match="changed by others 50 times in a row; nothing was sent"):
        venue.submit(order())
    monkeypatch.undo()
    assert found(storage, "leg-1") is None


def test_threads_that_all_trade_lose_no_order(storage):
    exchange(storage)[0].rules("BTCUSDT")

    def trade(name):
        venue, _ = exchange(storage)
        for number in range(5):
            venue.submit(order(quantity="1", identity=f"{name}-{number}"))

    threads = [threading.Thread(target=trade, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    account = decode(storage.get(KEY).data, source="test")
    assert sorted(one.order_id for one in account.orders) == list(range(1, 21))
    assert len({one.client_order_id for one in account.orders}) == 20
    assert account.free("BTC") == D("69.98")


def test_an_order_costs_one_read_and_one_write_and_rules_cost_nothing_once_open(storage):
    venue, _ = exchange(storage)
    venue.rules("BTCUSDT")
    storage.reads = storage.writes = 0
    for _ in range(100):
        venue.rules("BTCUSDT")
    assert (storage.reads, storage.writes) == (0, 0)
    venue.submit(order())
    assert (storage.reads, storage.writes) == (1, 1)
    venue.settle(order())
    assert (storage.reads, storage.writes) == (2, 1)


def test_balances_cost_one_read_and_no_write_and_are_decoded_once(storage):
    venue, other = exchange(storage, symbols=("BTCUSDT",))[0], exchange(storage)[0]
    first = venue.balances()
    storage.reads = storage.writes = 0
    assert all(venue.balances() is first for _ in range(10))
    assert (storage.reads, storage.writes) == (10, 0)
    other.submit(order())
    assert venue.balances() == {"BTC": D("51.998"), "USDT": D("9799.9")}


def test_an_account_that_cannot_be_read_is_not_taken_for_a_fresh_one(storage):
    venue, _ = exchange(storage)
    storage.put(KEY, b'{"schema": 2, "bal')
    for call in (venue.balances, lambda: venue.submit(order()), lambda: venue.settle(order())):
        with pytest.raises(BadData, match=r"simulated\.json"):
            call()
    assert storage.get(KEY).data == b'{"schema": 2, "bal'


def test_an_unknown_symbol_is_refused_and_opens_nothing(storage):
    venue, clock = exchange(storage)
    with pytest.raises(BadConfig, match="no rules of XRPUSDT"):
        venue.rules("XRPUSDT")
    with pytest.raises(BadConfig, match="no rules of XRPUSDT"):
        venue.submit(order(symbol="XRPUSDT"))
    clock.move_to(START + timedelta(minutes=1))
    with pytest.raises(BadConfig, match="closed by"):
        venue.rules("BTCUSDT")
    assert storage.get(KEY) is None
