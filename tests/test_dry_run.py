"""`mode=dry-run` end to end: python-binance over HTTP against a server that answers as Binance documents it."""

import json

import pytest

from tests.binance_server import serving
from tests.builders import HOUR, random_klines
from tests.desks import FIRST
from trader.adapters.local_storage import LocalStorage
from trader.cli import main
from trader.core.klines import close_of, fill_gaps
from trader.store.klines import KlineStore

pytestmark = pytest.mark.slow

KLINES = random_klines(1460, seed=6, price=60000.0)


@pytest.fixture
def dry_run(tmp_path, monkeypatch, capsys):
    """A function that does one dry run on the server's klines, as if it were just after a kline's close."""
    monkeypatch.setenv("TRADER__BOT__MODE", "dry-run")
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "store"))
    monkeypatch.setenv("TRADER__TRAIN__LOOK_BACK_DAYS", "15")
    monkeypatch.setenv("TRADER__TRAIN__N_ESTIMATORS", "30")
    monkeypatch.setenv("TRADER__TRAIN__GAMMA", "0")
    monkeypatch.setenv("TRADER__DECISION__BAND", "0")
    monkeypatch.setenv("TRADER__DECISION__MIN_VOLATILITY", "0")

    def once(binance, open_time, *words):
        now = close_of(open_time, "1h")
        binance.now = int((now.timestamp() + 20) * 1000)
        monkeypatch.setenv("TRADER__MARKET__BASE_URL", binance.url)
        code = main(["run", "--json", "--at", f"{now:%Y-%m-%dT%H:%M}:20Z", *words])
        printed = capsys.readouterr()
        return code, json.loads(printed.out)["runs"][0] if printed.out else None, printed.err

    return once


def test_a_dry_run_reads_binances_klines_and_trades_on_the_simulated_exchange(tmp_path, dry_run):
    with serving({"BTCUSDT": KLINES}, now=FIRST) as binance:
        code, first, _ = dry_run(binance, FIRST)
        assert code == 0
        assert first["outcome"] == "done"
        assert first["mode"] == "dry-run"
        assert first["close"] == KLINES.close[KLINES.index_of(FIRST)]
        assert first["orders"][0]["executed"] == first["orders"][0]["quantity"]
        requests = len(binance.requests)
        code, second, _ = dry_run(binance, FIRST + HOUR)
        assert (code, second["outcome"]) == (0, "done")
        asked = [path.rpartition("/")[2] for _, path, _ in binance.requests[requests:]]
        assert asked.count("exchangeInfo") == 1
        assert asked.count("klines") == 1, "only what is new is asked for"
        assert binance.asked("klines")[-1]["startTime"] == str(KLINES.open_time[KLINES.index_of(FIRST + HOUR)])
    stored = KlineStore(LocalStorage(tmp_path / "store")).load("BTCUSDT", "1h")
    assert stored.last == FIRST + HOUR, "the forming kline is never stored"
    assert stored.same_as(fill_gaps(KLINES.between(stored.first, FIRST + 2 * HOUR)))
    assert all(method == "GET" for method, _, _ in binance.requests), "paper only: nothing is sent to Binance"


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ((451, {"code": 0, "msg": "Service unavailable from a restricted location"}), 3, "region"),
        ((503, "<html>busy</html>"), 75, ""),
        ((429, {"code": -1003, "msg": "Too many requests."}, {"Retry-After": "0"}), 75, ""),
    ],
)
def test_a_market_that_does_not_answer_fails_the_run_and_the_next_one_goes_on(dry_run, fault, code, words):
    with serving({"BTCUSDT": KLINES}, now=FIRST) as binance:
        binance.faults = {"time": [fault]}
        found, answer, said = dry_run(binance, FIRST)
        assert found == code
        assert answer["outcome"] == "failed"
        assert words in said
        found, answer, _ = dry_run(binance, FIRST)
        assert (found, answer["outcome"]) == (0, "done")


def test_an_unknown_symbol_is_a_configuration_error(dry_run):
    with serving({"BTCUSDT": KLINES}, now=FIRST) as binance:
        code, answer, said = dry_run(binance, FIRST, "--symbol", "NOSUCHUSDT")
    assert (code, answer) == (3, None)
    assert "NOSUCHUSDT" in said
