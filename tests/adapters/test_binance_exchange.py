import threading
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.binance_account import KEY, NOW, OUTSIDE, running_venue
from tests.binance_server import serving
from trader.adapters.binance.market import BinanceMarket
from trader.adapters.binance.weights import Weights, weights_of
from trader.adapters.clocks import WallClock
from trader.core.errors import BadConfig, BadData, Rejected, Retryable

# python-binance still imports names that websockets has deprecated.
pytestmark = pytest.mark.slow


@pytest.fixture
def venue():
    with running_venue() as running:
        yield running


def test_the_time_is_the_servers_and_asked_for_once_in_ten_minutes(venue):
    assert venue.exchange.now() == NOW
    venue.host.sleep(600)
    assert venue.exchange.now() == NOW + timedelta(minutes=10)
    assert len(venue.server.asked("time")) == 1
    venue.host.sleep(1)
    assert venue.exchange.now() == NOW + timedelta(seconds=601)
    assert len(venue.server.asked("time")) == 2


def test_rules_are_asked_for_once_and_for_one_symbol(venue):
    assert venue.exchange.rules("BTCUSDT") == venue.exchange.rules("BTCUSDT")
    assert venue.exchange.rules("BTCUSDT").step == Decimal("0.00001")
    assert venue.server.asked("exchangeInfo") == [{"symbol": "BTCUSDT"}]


def test_an_unknown_symbol_is_a_matter_of_configuration(venue):
    for ask in (venue.exchange.rules, venue.exchange.price):
        with pytest.raises(BadConfig, match=r"NOSUCH.*not a symbol"):
            ask("NOSUCH")


def test_the_price_is_the_middle_of_the_venues_own_book(venue):
    assert venue.exchange.price("BTCUSDT") == Decimal("60000.50")
    assert venue.server.asked("ticker/price") == []


@pytest.mark.parametrize(("bid", "ask"), [("0.00000000", "60001.00"), ("60000.00", "0.00000000"), ("0", "0")])
def test_with_an_empty_side_of_the_book_it_is_the_last_price(venue, bid, ask):
    venue.server.faults["bookTicker"] = [(200, {"symbol": "BTCUSDT", "bidPrice": bid, "askPrice": ask})]
    assert venue.exchange.price("BTCUSDT") == Decimal("60001.23")


@pytest.mark.parametrize("last", [{"price": "0"}, {"price": None}, {}, [], {"price": 60000.5}, {"price": "NaN"}])
def test_a_price_that_cannot_be_is_bad_data(venue, last):
    venue.server.faults = {
        "bookTicker": [(200, {"bidPrice": "0", "askPrice": "0"})],
        "price": [(200, last)] * 3,
    }
    with pytest.raises((BadData, Retryable)):
        venue.exchange.price("BTCUSDT")


def test_balances_are_the_free_amounts_that_are_not_zero(venue):
    venue.account.balances = [
        {"asset": "BTC", "free": "1.50000000", "locked": "0.50000000"},
        {"asset": "ETH", "free": "0.00000000", "locked": "3.00000000"},
        {"asset": "USDT", "free": "10000.00000001", "locked": "0.00000000"},
    ]
    assert venue.exchange.balances() == {"BTC": Decimal("1.5"), "USDT": Decimal("10000.00000001")}
    [sent] = venue.server.asked("account")
    assert sent["omitZeroBalances"] == "true"


@pytest.mark.parametrize(
    "balances",
    [
        None,
        {},
        "USDT",
        [None],
        [{"asset": "USDT"}],
        [{"asset": "", "free": "1", "locked": "0"}],
        [{"asset": "USDT", "free": "-1", "locked": "0"}],
        [{"asset": "USDT", "free": "NaN", "locked": "0"}],
        [{"asset": "USDT", "free": "Infinity", "locked": "0"}],
        [{"asset": "USDT", "free": 1.5, "locked": "0"}],
        [{"asset": "USDT", "free": "1"}],
        [{"asset": "USDT", "free": "1", "locked": "0"}, {"asset": "USDT", "free": "2", "locked": "0"}],
    ],
)
def test_balances_that_cannot_be_are_bad_data(venue, balances):
    venue.account.balances = balances
    if balances == {}:
        venue.server.faults["account"] = [(200, {"canTrade": True})]
    with pytest.raises(BadData, match="answered unexpectedly for the account"):
        venue.exchange.balances()


def test_every_request_bears_the_key_and_signed_ones_the_window(venue):
    venue.exchange.balances()
    assert {name.upper(): value for name, value in venue.server.headers[-1].items()}["X-MBX-APIKEY"] == KEY
    assert venue.server.asked("account")[0]["recvWindow"] == "5000"


READS = ["time", "exchangeInfo", "bookTicker", "account"]


def ask(venue, word):
    asks = {
        "time": venue.exchange.now,
        "exchangeInfo": lambda: venue.exchange.rules("BTCUSDT"),
        "bookTicker": lambda: venue.exchange.price("BTCUSDT"),
        "account": venue.exchange.balances,
    }
    return asks[word]()


def hang_up(handler):
    handler.close_connection = True


@pytest.mark.parametrize("word", READS)
@pytest.mark.parametrize("fault", [(502, "<html>"), (500, {"code": -1000, "msg": "?"}), (200, ""), hang_up])
def test_a_read_without_an_answer_is_repeated_twice_and_then_given_up(venue, word, fault):
    venue.server.faults[word] = [fault] * 2
    assert ask(venue, word)
    assert venue.host.slept == [0.3, 1.0]
    with running_venue() as other:
        other.server.faults[word] = [fault] * 100
        with pytest.raises(Retryable):
            ask(other, word)
        assert len([path for _, path, _ in other.server.requests if path.endswith(word)]) == 3


@pytest.mark.parametrize("word", READS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ((429, {"code": -1003, "msg": "Too many"}, {"Retry-After": "7"}), Retryable),
        ((418, {"code": -1003, "msg": "banned"}), Retryable),
        ((403, "<html>403 Forbidden</html>"), Retryable),
        ((451, {"code": 0, "msg": "Service unavailable from a restricted location"}), BadConfig),
        ((401, {"code": -2014, "msg": "API-key format invalid."}), BadConfig),
        ((401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}), BadConfig),
        ((400, {"code": -1022, "msg": "Signature for this request is not valid."}), BadConfig),
        ((404, "<html>"), BadConfig),
        ((301, "", {"Location": "/api/v3/ping"}), BadConfig),
        ((400, {"code": -1102, "msg": "Mandatory parameter"}), Rejected),
    ],
)
def test_a_read_that_is_refused_is_not_repeated(venue, word, fault, kind):
    venue.server.faults[word] = [fault]
    with pytest.raises(kind):
        ask(venue, word)
    assert len([path for _, path, _ in venue.server.requests if path.endswith(word)]) == 1
    assert not any(path.endswith("ping") for _, path, _ in venue.server.requests)


def test_a_repeated_read_is_stamped_anew(venue):
    venue.server.faults["account"] = [(502, "<html>")] * 2
    venue.exchange.balances()
    stamps = [int(sent["timestamp"]) for sent in venue.server.asked("account")]
    assert [stamp - stamps[0] for stamp in stamps] == [0, 300, 1300]


def test_a_read_whose_time_is_refused_asks_for_the_time_and_is_sent_once_more(venue):
    assert venue.exchange.now() == NOW
    venue.server.now += 3_600_000
    assert venue.exchange.balances()
    assert len(venue.server.asked("time")) == 2
    venue.server.faults["account"] = [OUTSIDE] * 2
    with pytest.raises(Retryable, match="this machine's clock jumps"):
        venue.exchange.balances()


def test_market_and_exchange_at_one_place_share_the_pause_that_it_asked_for(venue):
    weights = weights_of(venue.server.url)
    exchange = venue.connect(weights=None)
    market = BinanceMarket(venue.server.url, clock=WallClock())
    venue.server.faults["price"] = [(429, {"code": -1003, "msg": "Too many"}, {"Retry-After": "50"})]
    with pytest.raises(Retryable, match="after 50 seconds"):
        market.price("BTCUSDT")
    asked = len(venue.server.requests)
    for read in (exchange.now, exchange.balances, market.server_time):
        with pytest.raises(Retryable, match=r"asked for a pause"):
            read()
    with pytest.raises(Rejected, match=r"asked for a pause"):
        exchange.submit(venue.intent())
    assert len(venue.server.requests) == asked
    assert weights_of(venue.server.url) is weights


def test_what_exchange_info_says_of_the_limit_is_heeded(venue):
    limits = [
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50},
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 100},
    ]
    info = {"symbols": [venue.server.info], "rateLimits": limits}
    venue.server.faults["exchangeInfo"] = [(200, info, {"X-MBX-USED-WEIGHT-1M": "75"})]
    venue.exchange.rules("BTCUSDT")
    venue.exchange.balances()  # 75 + 1 for the time + 20 is more than 90
    assert 60.0 in venue.host.slept


def test_a_read_that_got_no_answer_weighs_what_it_weighs(venue):
    weights = Weights(monotonic=venue.host.monotonic, sleep=venue.host.sleep)
    exchange = venue.connect(weights=weights)
    venue.server.faults["time"] = [(200, {"serverTime": venue.server.now}, {"X-MBX-USED-WEIGHT-1M": "100"})]
    venue.server.faults["account"] = [hang_up] * 3
    with pytest.raises(Retryable):
        exchange.balances()
    assert weights.used == 160


def test_threads_never_get_each_others_answers(venue):
    venue.server.klines["ETHUSDT"] = venue.server.klines["BTCUSDT"]
    wrong = []

    def trade(number):
        for count in range(8):
            intent = venue.intent(client_order_id=f"id-{number}-{count}", quantity=Decimal(number) / 1000)
            report = venue.exchange.submit(intent)
            if (report.client_order_id, report.executed) != (intent.client_order_id, intent.quantity):
                wrong.append(report)
            if venue.exchange.rules("ETHUSDT").symbol != "ETHUSDT":
                wrong.append("ETHUSDT")

    threads = [threading.Thread(target=trade, args=(number,)) for number in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(venue.account.taken) == len(set(venue.account.taken)) == 40


def test_a_proxy_of_the_environment_gets_nothing_that_is_meant_for_this_machine(venue, monkeypatch):
    with serving({}, now=NOW) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert venue.connect().submit(venue.intent())
        assert proxy.requests == []


def test_an_exchange_shows_where_it_is_and_nothing_else(venue):
    assert repr(venue.exchange) == f"BinanceExchange('{venue.server.url}')"
