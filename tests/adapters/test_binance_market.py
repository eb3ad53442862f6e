import json
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.binance_server import EXCHANGE_INFO, serving
from tests.builders import HOUR, random_klines, without
from tests.patience import HURRIED, PATIENT
from trader.adapters.binance.market import BinanceMarket
from trader.adapters.binance.rules import parse_rules
from trader.adapters.clocks import VirtualClock
from trader.core.errors import BadConfig, BadData, Rejected, Retryable
from trader.core.klines import from_ms, to_ms

# python-binance still imports names that websockets has deprecated.
pytestmark = pytest.mark.slow

START = datetime(2026, 1, 1, tzinfo=UTC)
KLINES = random_klines(2500, start=START)
NOW = START + 2499 * HOUR + timedelta(minutes=20)  # the last kline is forming
GEO = {"code": 0, "msg": "Service unavailable from a restricted location according to 'b. Eligibility'"}


@pytest.fixture
def binance():
    with serving({"BTCUSDT": KLINES}, now=NOW) as server:
        yield server


@pytest.fixture
def clock():
    return VirtualClock(NOW)


@pytest.fixture
def market(binance, clock):
    return BinanceMarket(binance.url, clock=clock, timeout=PATIENT)


def fetch(market, *, start=START, end=START + 5000 * HOUR, symbol="BTCUSDT"):
    return market.klines(symbol, "1h", start=start, end=end)


def test_klines_come_whole_in_pages_of_a_thousand_without_the_forming_one(market, binance):
    assert fetch(market).same_as(KLINES[:2499])
    pages = binance.asked("klines")
    assert [page["limit"] for page in pages] == ["1000"] * 3
    assert [from_ms(page["startTime"]) - START for page in pages] == [
        timedelta(0), 999 * HOUR + timedelta(milliseconds=1), 1999 * HOUR + timedelta(milliseconds=1),
    ]  # fmt: skip
    assert len(binance.asked("time")) == 1


def test_a_range_is_start_inclusive_and_end_exclusive(market):
    assert fetch(market, start=START + 10 * HOUR, end=START + 20 * HOUR).same_as(KLINES[10:20])


def test_a_window_of_a_thousand_is_one_page(market, binance):
    assert len(fetch(market, start=START + 1499 * HOUR, end=START + 2499 * HOUR)) == 1000
    assert len(binance.asked("klines")) <= 2


def test_an_empty_range_asks_nothing(market, binance):
    assert len(fetch(market, start=START + HOUR, end=START + HOUR)) == 0
    assert binance.requests == []


def test_a_range_in_the_future_is_empty(market, binance):
    assert len(fetch(market, start=NOW + 5 * HOUR, end=NOW + 9 * HOUR)) == 0
    assert binance.asked("klines") == []


def test_a_kline_is_closed_once_its_close_time_is_past_at_the_server(market, binance, clock):
    clock.move_to(NOW + HOUR)
    last_close = to_ms(START + 2500 * HOUR) - 1
    for now, count in ((last_close - 1, 2499), (last_close, 2499), (last_close + 1, 2500)):
        binance.now = now
        assert len(fetch(market)) == count


def test_a_clock_that_runs_ahead_lets_no_forming_kline_through(market, clock):
    clock.move_to(NOW + timedelta(days=1))
    assert fetch(market).last == START + 2498 * HOUR


def test_nothing_after_the_bots_own_now_is_shown(market, clock):
    clock.move_to(START + 100 * HOUR + timedelta(minutes=3))
    assert fetch(market).last == START + 99 * HOUR


def test_a_kline_that_closes_between_the_two_requests_is_still_forming(market, binance, clock):
    """Its values in the answer may be final or not: only asking the time first is safe."""
    close = to_ms(START + 2500 * HOUR)
    clock.move_to(from_ms(close + 60_000))
    binance.now = close - 5

    def pass_time():
        binance.now = close + 5

    binance.on_time = pass_time
    assert fetch(market).last == START + 2498 * HOUR
    assert [path for _, path, _ in binance.requests[:2]] == ["/api/v3/time", "/api/v3/klines"]


def test_missing_hours_stay_missing(market, binance):
    binance.klines["BTCUSDT"] = without(KLINES, 5, 6, 1500)
    assert fetch(market).same_as(without(KLINES, 5, 6, 1500, 2499))


def test_klines_off_the_grid_are_left_out(market, binance):
    shifted = to_ms(START) + 28 * 60_000 + 14_789
    binance.extra_rows = [[shifted, "1", "1", "1", "1", "1", shifted + 3_599_999, "0", 1, "0", "0", "0"]]
    assert fetch(market).same_as(KLINES[:2499])


def test_a_page_that_ends_off_the_grid_is_followed_by_the_next(market, binance):
    shifted = to_ms(START + 998 * HOUR) + 1000
    binance.extra_rows = [[shifted, "1", "1", "1", "1", "1", shifted + 3_599_999, "0", 1, "0", "0", "0"]]
    assert fetch(market).same_as(KLINES[:2499])


def test_every_request_is_a_keyless_get_without_a_signature(market, binance):
    assert len(fetch(market)) == 2499
    assert market.price("BTCUSDT") > 0
    assert market.rules("BTCUSDT").status == "TRADING"
    assert {method for method, _, _ in binance.requests} == {"GET"}
    assert not any({"signature", "timestamp", "recvWindow"} & set(query) for _, _, query in binance.requests)
    assert not any("X-MBX-APIKEY" in {name.upper() for name in headers} for headers in binance.headers)


def test_the_server_time_is_aware_utc(market):
    assert market.server_time() == NOW
    assert market.server_time().tzinfo is not None


def test_the_last_price_is_exact(market):
    assert market.price("BTCUSDT") == Decimal("60001.23")


def test_rules_are_exact_decimals_of_the_symbol_asked_for(market, binance):
    rules = market.rules("BTCUSDT")
    assert binance.asked("exchangeInfo") == [{"symbol": "BTCUSDT"}]
    assert (rules.symbol, rules.status, rules.base_asset, rules.quote_asset) == ("BTCUSDT", "TRADING", "BTC", "USDT")
    assert (rules.lot_size.minimum, rules.lot_size.maximum) == (Decimal("0.00001"), Decimal(9000))
    assert rules.step == Decimal("0.00001")
    assert rules.max_quantity == Decimal("107.72")
    assert rules.tick_size == Decimal("0.01")
    assert rules.min_notional == Decimal(5)
    assert rules.max_notional is None
    assert (rules.base_precision, rules.quote_precision) == (8, 8)


def with_filters(*filters):
    kept = [each for each in EXCHANGE_INFO["filters"] if each["filterType"] == "LOT_SIZE"]
    return parse_rules({"symbols": [{**EXCHANGE_INFO, "filters": [*kept, *filters]}]}, symbol="BTCUSDT")


@pytest.mark.parametrize(
    ("filters", "minimum", "maximum"),
    [
        ([], None, None),
        ([{"filterType": "MIN_NOTIONAL", "minNotional": "10.0", "applyToMarket": True}], Decimal(10), None),
        ([{"filterType": "MIN_NOTIONAL", "minNotional": "10.0", "applyToMarket": False}], None, None),
        (
            [
                {
                    "filterType": "NOTIONAL",
                    "minNotional": "5",
                    "applyMinToMarket": False,
                    "maxNotional": "9",
                    "applyMaxToMarket": True,
                }
            ],
            None,
            Decimal(9),
        ),
        (
            [
                {"filterType": "MIN_NOTIONAL", "minNotional": "10.0", "applyToMarket": True},
                {
                    "filterType": "NOTIONAL",
                    "minNotional": "5",
                    "applyMinToMarket": True,
                    "maxNotional": "9",
                    "applyMaxToMarket": False,
                },
            ],
            Decimal(10),
            None,
        ),
    ],
)
def test_notional_limits_are_none_where_they_do_not_apply_to_market_orders(filters, minimum, maximum):
    rules = with_filters(*filters)
    assert (rules.min_notional, rules.max_notional) == (minimum, maximum)


def test_filters_that_are_not_there_are_off():
    rules = with_filters()
    assert rules.market_lot_size.step == rules.market_lot_size.maximum == rules.tick_size == 0
    assert rules.max_quantity == Decimal(9000)


def test_an_unknown_symbol_is_a_matter_of_configuration(market):
    for ask in (market.price, market.rules, lambda symbol: fetch(market, symbol=symbol)):
        with pytest.raises(BadConfig, match=r"NOSUCH.*not a symbol"):
            ask("NOSUCH")
    with pytest.raises(BadConfig, match="ETHUSDT is not a symbol"):
        parse_rules({"symbols": [EXCHANGE_INFO]}, symbol="ETHUSDT")


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        ((429, {"code": -1003, "msg": "Too many requests"}, {"Retry-After": "17"}), Retryable, "after 17 seconds"),
        ((418, {"code": -1003, "msg": "Way too many requests; IP banned"}, {"Retry-After": "120"}), Retryable, "120"),
        ((400, {"code": -1003, "msg": "Too much request weight used"}), Retryable, "-1003"),
        ((500, {"code": -1000, "msg": "An unknown error occurred"}), Retryable, "500"),
        ((502, "<html><h1>502 Bad Gateway</h1></html>"), Retryable, "502"),
        ((503, ["unavailable"]), Retryable, "503"),
        ((503, '"unavailable"'), Retryable, "503"),
        ((504, ""), Retryable, "504"),
        ((403, "<html>403 Forbidden</html>"), Retryable, "firewall"),
        ((451, GEO), BadConfig, "does not serve this place"),
        ((404, "<html>Not found</html>"), BadConfig, "check the URL"),
        ((400, {"code": -1120, "msg": "Invalid interval."}), BadConfig, "another interval"),
        ((400, {"code": -1100, "msg": "Illegal characters found in a parameter."}), Rejected, "-1100"),
        ((400, ["bad"]), Rejected, "400"),
        ((400, {"msg": "no code"}), Rejected, "no code"),
        ((200, "<html>log in to this wifi</html>"), Retryable, "no JSON"),
        ((200, ""), Retryable, "empty answer"),
        ((200, {"price": "abc"}), BadData, "unexpectedly"),
        ((200, {"cost": "1"}), BadData, "unexpectedly"),
        ((200, []), BadData, "unexpectedly"),
    ],
)
def test_what_goes_wrong_is_told_by_what_can_be_done(market, binance, fault, kind, says):
    binance.faults["price"] = [fault]
    with pytest.raises(kind, match=says):
        market.price("BTCUSDT")
    assert len(binance.requests) == 1


def test_a_rejection_carries_binances_code(market, binance):
    binance.faults["klines"] = [(400, {"code": -1127, "msg": "More than 24 hours between startTime and endTime."})]
    with pytest.raises(Rejected) as caught:
        fetch(market)
    assert caught.value.code == -1127


def test_an_answer_that_does_not_come_is_retryable(binance, clock):
    enough = threading.Event()
    binance.faults["time"] = [lambda handler: enough.wait(5)]
    market = BinanceMarket(binance.url, clock=clock, timeout=HURRIED)
    try:
        with pytest.raises(Retryable, match="did not answer"):
            market.server_time()
    finally:
        enough.set()


def test_a_broken_answer_is_retryable(market, binance):
    def truncate(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"[[")
        handler.close_connection = True

    def hang_up(handler):
        handler.close_connection = True

    binance.faults["time"] = [truncate, hang_up]
    for _ in range(2):
        with pytest.raises(Retryable, match="did not answer"):
            market.server_time()


def test_a_server_that_is_not_there_is_retryable(clock):
    with serving({}, now=NOW) as gone:
        url = gone.url
    with pytest.raises(Retryable, match="did not answer"):
        BinanceMarket(url, clock=clock).server_time()


@pytest.mark.parametrize("url", ["data-api.binance.vision", "", "ftp://x", "https://"])
def test_an_address_that_is_no_url_is_refused(clock, url):
    with pytest.raises(BadConfig, match="is not a URL"):
        BinanceMarket(url, clock=clock)


@pytest.mark.parametrize("suffix", ["/", "/api", "/api/"])
def test_the_url_may_be_written_in_binances_ways(binance, clock, suffix):
    assert BinanceMarket(binance.url + suffix, clock=clock).server_time() == NOW


@pytest.mark.parametrize(
    "rows",
    [
        [[to_ms(START)]],
        [[to_ms(START), "1", "1", "1", "x", "1", to_ms(START)]],
        [[None, "1", "1", "1", "1", "1", 5]],
        [["a"]],
        {"klines": []},
        [[to_ms(START) - 3_600_000, "1", "1", "1", "1", "1", to_ms(START) - 1]],
        [[to_ms(START), "1", "0.5", "1", "1", "1", to_ms(START) + 3_599_999]],
        [[to_ms(START), "-1", "1", "-1", "1", "1", to_ms(START) + 3_599_999]],
        [[to_ms(START), "nan", "1", "1", "1", "1", to_ms(START) + 3_599_999]],
    ],
)
def test_klines_that_cannot_be_right_are_refused(market, binance, rows):
    binance.faults["klines"] = [(200, rows)]
    with pytest.raises(BadData):
        fetch(market)


def test_a_server_that_repeats_itself_ends_with_an_error_and_not_never(market, binance):
    page = json.dumps(binance.rows("BTCUSDT")[:1000])
    binance.faults["klines"] = [(200, page)] * 5
    with pytest.raises(BadData, match="asked from"):
        fetch(market)
    assert len(binance.asked("klines")) == 2


def test_threads_never_get_each_others_answers(binance, clock):
    binance.klines["ETHUSDT"] = random_klines(200, start=START, seed=7, price=5.0)
    market = BinanceMarket(binance.url, clock=clock)
    expected = {"BTCUSDT": KLINES[:200], "ETHUSDT": binance.klines["ETHUSDT"]}
    wrong = []

    def ask(symbol):
        for _ in range(10):
            klines = fetch(market, symbol=symbol, end=START + 200 * HOUR)
            if not klines.same_as(expected[symbol]):
                wrong.append(symbol)

    threads = [threading.Thread(target=ask, args=(symbol,)) for symbol in expected for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(binance.asked("klines")) == 60


@pytest.mark.slow
def test_importing_the_adapter_does_not_import_the_vendor():
    code = "import sys; import trader.adapters.binance.market; sys.exit('binance' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False, timeout=60).returncode == 0
