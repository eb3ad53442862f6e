"""The exchange against the local testnet: what is executed there is what it says, whatever goes wrong on the way."""

import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from Crypto.PublicKey import ECC

from tests.builders import HOUR, random_klines
from tests.patience import HURRIED, PATIENT
from tests.testnet import running_testnet
from trader.adapters.binance.exchange import BinanceExchange
from trader.adapters.binance.market import BinanceMarket
from trader.adapters.binance.weights import Weights
from trader.adapters.clocks import WallClock
from trader.core.errors import BadConfig, Rejected, Retryable
from trader.core.orders import OrderIntent, OrderStatus, Side
from trader.simulator.testnet.security import new_public_key

# python-binance still imports names that websockets has deprecated.
pytestmark = pytest.mark.slow

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + 50 * HOUR + timedelta(minutes=20)
KLINES = {"BTCUSDT": random_klines(100, start=START), "ETHUSDT": random_klines(100, start=START, seed=5, price=10.0)}
WINDOW, LAG = timedelta(seconds=2), timedelta(seconds=3)
QUANTITY = Decimal("0.50000")


class Host:
    """This machine, but for its sleep: that moves the testnet's clock instead of waiting."""

    def __init__(self, control):
        self.control, self.slept = control, 0.0

    def now(self):
        raise AssertionError("the wall clock is nobody's business here")

    def monotonic(self):
        return time.monotonic() + self.slept

    def sleep(self, seconds):
        self.slept += seconds
        self.control.advance(seconds)


class Desk:
    """A testnet, an exchange in front of it and numbered intents."""

    def __init__(self, net):
        self.net, self.control, self.host = net, net.control, Host(net.control)
        self.exchange = self.connect()

    def connect(self, **options):
        given = {
            "api_key": self.net.key,
            "api_secret": self.net.secret,
            "private_key": None,
            "host": self.host,
            "recv_window": WINDOW,
            "lag": LAG,
            "timeout": PATIENT,
            "weights": Weights(monotonic=self.host.monotonic, sleep=self.host.sleep),
        }
        return BinanceExchange(self.net.url, **{**given, **options})

    def intent(self, name="one", **changes):
        given = {
            "symbol": "BTCUSDT",
            "side": Side.BUY,
            "quantity": QUANTITY,
            "client_order_id": name,
            "signed_at": self.exchange.now(),
        }
        return OrderIntent(**{**given, **changes})

    def sender(self, kind):
        """Who sends an order into a fault: of what hangs, nobody hears in time, however slow this machine is."""
        return self.connect(timeout=HURRIED) if kind == "hang" else self.exchange

    def execute(self, intent, *, into):
        """Do as the bot does: send once, ask when it is unknown; no answer to that is None too."""
        try:
            return self.sender(into).submit(intent)
        except Retryable:
            self.control.clear()
            return self.exchange.settle(intent)


@pytest.fixture
def desk():
    with running_testnet(KLINES, now=NOW) as net:
        yield Desk(net)


def test_an_order_changes_the_account_by_what_its_fills_say(desk):
    for side in (Side.BUY, Side.SELL):
        before = desk.exchange.balances()
        report = desk.exchange.submit(desk.intent(side.value, side=side))
        after = desk.exchange.balances()
        sign = 1 if side is Side.BUY else -1
        base = sign * report.executed - sum(fill.commission for fill in report.fills if fill.commission_asset == "BTC")
        quote = -sign * sum(fill.price * fill.quantity for fill in report.fills)
        quote -= sum(fill.commission for fill in report.fills if fill.commission_asset == "USDT")
        assert report.status is OrderStatus.FILLED
        assert (after["BTC"] - before["BTC"], after["USDT"] - before["USDT"]) == (base, quote)
        assert desk.exchange.settle(desk.intent(side.value, side=side)) == report


def test_time_rules_and_price_are_the_venues(desk):
    assert abs(desk.exchange.now() - desk.control.now()) < timedelta(seconds=1)
    assert desk.exchange.rules("BTCUSDT") == BinanceMarket(desk.net.url, clock=WallClock()).rules("BTCUSDT")
    before = desk.exchange.price("BTCUSDT")
    desk.control.fault("price-basis", factor="1.5")
    assert abs(desk.exchange.price("BTCUSDT") / before - Decimal("1.5")) < Decimal("0.01")
    with pytest.raises(BadConfig, match="not a symbol"):
        desk.exchange.price("NOSUCH")


def test_a_large_order_walks_the_book_and_what_it_does_not_hold_expires(desk):
    desk.control.order_fault("partial", fill="0.2")
    report = desk.exchange.submit(desk.intent())
    assert (report.status, report.executed) == (OrderStatus.EXPIRED, Decimal("0.2"))
    assert desk.exchange.settle(desk.intent()) == report
    desk.control.order_fault("partial", fill="0")
    report = desk.exchange.submit(desk.intent("none"))
    assert (report.status, report.executed, report.fills) == (OrderStatus.EXPIRED, 0, ())
    assert desk.exchange.settle(desk.intent("none")) == report


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": Decimal("0.00001")}, -1013),
        ({"quantity": Decimal("0.000001")}, -1013),
        ({"quantity": Decimal(9001)}, -1013),
        ({"quantity": Decimal("0.123456789")}, -1111),
        ({"quantity": Decimal(5000)}, -2010),
        ({"symbol": "NOSUCH"}, -1121),
        ({"client_order_id": "no blanks"}, -1100),
        ({"signed_at": NOW - timedelta(seconds=3)}, -1021),
        ({"signed_at": NOW + timedelta(minutes=1)}, -1021),
    ],
)
def test_what_the_venue_refuses_is_rejected_with_its_code_and_never_executed(desk, changes, code):
    intent = desk.intent(**changes)
    with pytest.raises(Rejected) as caught:
        desk.exchange.submit(intent)
    assert caught.value.code == code
    assert desk.control.orders()["orders"] == []


@pytest.mark.parametrize("sign", [{"api_secret": "wrong"}, {"api_key": "A" * 64}, {"api_key": "short"}])
def test_a_key_that_is_not_accepted_is_a_matter_of_configuration(desk, sign):
    exchange = desk.connect(**sign)
    for ask in (exchange.balances, lambda: exchange.submit(desk.intent()), lambda: exchange.settle(desk.intent())):
        with pytest.raises(BadConfig):
            ask()


def test_an_ed25519_key_signs_reads_and_orders(tmp_path):
    key = ECC.generate(curve="Ed25519")
    path = tmp_path / "key.pem"
    path.write_text(key.export_key(format="PEM") + "\n")
    registered = new_public_key(key.public_key().export_key(format="PEM"))
    with running_testnet(KLINES, now=NOW, keys=(registered,)) as net:
        desk = Desk(net)
        desk.exchange = desk.connect(api_key=registered.key, api_secret=None, private_key=path)
        report = desk.exchange.submit(desk.intent())
        assert report.status is OrderStatus.FILLED
        assert desk.exchange.settle(desk.intent()) == report
        assert desk.exchange.balances()["BTC"] > 0


ANSWERS = [
    "unknown", "unexpected", "timeout", "busy", "bad-gateway", "unavailable", "gateway-timeout", "not-json", "empty",
    "list",
]  # fmt: skip
LOST = [("error", {"error": name}) for name in ANSWERS] + [("drop", {}), ("hang", {"seconds": 2.0})]


@pytest.mark.parametrize("accept", [True, False], ids=["taken", "not-taken"])
@pytest.mark.parametrize(("kind", "content"), LOST, ids=[str(content.get("error", kind)) for kind, content in LOST])
def test_when_the_answer_is_lost_settle_tells_what_became_of_the_order(desk, kind, content, accept):
    desk.control.order_fault(kind, accept=accept, **content)
    intent = desk.intent()
    with pytest.raises(Retryable):
        desk.sender(kind).submit(intent)
    desk.control.clear()
    report = desk.exchange.settle(intent)
    if accept:
        assert (report.status, report.executed) == (OrderStatus.FILLED, QUANTITY)
    else:
        assert report is None
        assert desk.control.now() >= intent.signed_at + WINDOW + LAG
    assert desk.control.times_placed("one") == (1 if accept else 0)


CERTAIN = ["bad-timestamp", "too-many-orders", "too-many-requests", "banned", "waf", "bad-key", "geo-block"]


@pytest.mark.parametrize("error", CERTAIN)
def test_what_is_answered_before_the_engine_is_certain(desk, error):
    desk.control.order_fault("error", error=error)
    with pytest.raises((Rejected, BadConfig)):
        desk.exchange.submit(desk.intent())
    assert desk.control.times_placed("one") == 0


@pytest.mark.parametrize("kind", ["order-lag", "trades-lag", "stuck-new"])
def test_what_queries_show_late_is_waited_for(desk, kind):
    desk.control.order_fault(kind, queries=2, **({"keep": 0} if kind == "trades-lag" else {}))
    desk.control.order_fault("drop", accept=True)
    intent = desk.intent()
    with pytest.raises(Retryable):
        desk.exchange.submit(intent)
    report = desk.exchange.settle(intent)
    assert (report.status, report.executed) == (OrderStatus.FILLED, QUANTITY)
    assert desk.control.times_placed("one") == 1


def test_an_order_that_queries_do_not_show_for_as_long_as_the_lag_is_still_found(desk):
    desk.control.order_fault("order-lag", seconds=LAG.total_seconds() - 0.5)
    desk.control.order_fault("drop", accept=True)
    report = desk.execute(desk.intent(), into="drop")
    assert report.status is OrderStatus.FILLED


def test_an_order_that_is_delayed_before_matching_is_refused_when_its_window_is_over(desk):
    """The venue looks at the timestamp twice; the second look is what makes absence provable."""
    desk.control.order_fault("delay", seconds=WINDOW.total_seconds() + 1, move=True)
    with pytest.raises(Rejected) as caught:
        desk.exchange.submit(desk.intent())
    assert caught.value.code == -1021
    assert desk.control.times_placed("one") == 0


@pytest.mark.parametrize("delay", [0.2, 0.7, 1.7, 1.9, 2.5])
def test_what_settle_says_of_an_order_that_is_still_on_its_way_stays_true(desk, delay):
    """It hangs before matching while another process settles it, on a clock that jumps."""
    desk.control.ticking(on=False)
    desk.control.order_fault("delay", seconds=delay)
    intent = desk.intent()
    owner = desk.connect()
    outcomes = []

    def send():
        try:
            outcomes.append(owner.submit(intent))
        except Rejected:
            outcomes.append(None)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        settled = desk.exchange.settle(intent)
    finally:
        sender.join()
    assert outcomes == [settled]
    assert desk.control.times_placed("one") == (0 if settled is None else 1)


def test_an_order_of_before_a_reset_is_absent(desk):
    intent = desk.intent()
    desk.exchange.submit(intent)
    desk.control.wipe()
    desk.control.advance(60)
    assert desk.exchange.settle(intent) is None


def test_a_symbol_that_is_halted_takes_no_order(desk):
    desk.control.fault("symbol-status", symbol="BTCUSDT", status="HALT")
    assert desk.exchange.rules("BTCUSDT").status == "HALT"
    with pytest.raises(Rejected):
        desk.exchange.submit(desk.intent())


def test_every_run_of_faults_executes_every_order_at_most_once_and_knows_it(desk):
    """All ways to lose an answer in a row, as the bot would go through them."""
    reports = {}
    for number, (kind, content) in enumerate(LOST * 2):
        desk.control.order_fault(kind, accept=number % 2 == 0, **content)
        side = (Side.BUY, Side.SELL)[number % 2]
        reports[f"id-{number}"] = desk.execute(desk.intent(f"id-{number}", side=side), into=kind)
        desk.control.clear()
    for name, report in reports.items():
        assert desk.control.times_placed(name) == (0 if report is None else 1)


def test_a_run_of_requests_weighs_what_the_venue_says(desk):
    weights = Weights()
    exchange = desk.connect(weights=weights)
    desk.control.ticking(on=False)
    exchange.rules("BTCUSDT")
    exchange.price("BTCUSDT")
    exchange.balances()
    intent = desk.intent()
    exchange.submit(intent)
    exchange.settle(intent)
    [used] = desk.control.state()["used_weight"].values()
    assert weights.used == used
