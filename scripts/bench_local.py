"""Figures that need no server: demo runs as processes, replay, backtest, ingestion, indicators."""

import json
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import talib

from scripts.bench_figures import REAL_DATA, best, figure, settings, timed, trader
from trader.adapters.clocks import VirtualClock
from trader.adapters.synthetic_market import SyntheticMarket
from trader.core.indicators import FEATURE_PRESETS, compute_indicators
from trader.core.klines import Klines, fill_gaps

RUNS = 9
INDICATOR_ROWS = 77_000
EAGER = {
    "TRADER__DECISION__BAND": "0",
    "TRADER__DEMO__REPLAY_DAYS": "30",
    "TRADER__RETRAIN__TIMING": "external",
}
"""Many orders, and no training after them."""


def measure_run(folder: Path) -> list[dict[str, Any]]:
    """Time steady-state demo runs as processes: from the start to the order, to the commit, to the exit, and memory."""
    with settings(folder / "demo", EAGER) as environment:
        trader("demo", environment=environment)
        samples = [one_run(environment) for _ in range(40)]
        traded = [sample for sample in samples if sample["ordered"]]
        quiet = [sample for sample in samples if not sample["ordered"]]
    median = {name: statistics.median(sample[name] for sample in traded) for name in ("order", "commit", "exit")}
    peak = max(sample["memory"] for sample in traded)
    bare = statistics.median(python_start() for _ in range(RUNS))
    return [
        figure(f"trader run, process start to order filled ({len(traded)} runs)", f"{median['order']:.2f} s", "1.6 s"),
        figure("trader run, process start to commit", f"{median['commit']:.2f} s", "2.0 s"),
        figure("trader run, process start to exit", f"{median['exit']:.2f} s", "6 s"),
        figure(
            f"trader run without an order, to exit ({len(quiet)} runs)",
            f"{statistics.median(sample['exit'] for sample in quiet):.2f} s",
            "6 s",
        ),
        figure("  as a multiple of `python -c pass`", f"{median['exit'] / bare:.0f} x", "-"),
        figure("trader run, peak memory", f"{peak:.0f} MB", "< 400 MB"),
    ]


def one_run(environment: dict[str, str]) -> dict[str, Any]:
    """Return the times of one run in seconds since the process was started, and its peak memory in MB."""
    process = timed("run", "--json", environment=environment)
    (answer,) = json.loads(process.out)["runs"]
    if answer["outcome"] != "done":
        raise SystemExit(f"the run was not done: {answer}")
    timings = answer["timings"]
    start = timings["started"] - process.started
    return {
        "ordered": bool(answer["orders"]),
        "order": start + timings["execute"],
        "commit": start + timings["commit"],
        "exit": process.ended - process.started,
        "memory": process.memory,
    }


def python_start() -> float:
    """Return the seconds that an empty Python process takes."""
    before = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.monotonic() - before


def measure_replay(folder: Path) -> list[dict[str, Any]]:
    """Time the live pipeline and the vectorised pass over the same hours."""
    if not (REAL_DATA / "vision").is_dir():
        print(f"SKIPPED: replay and backtest of real months, no klines at {REAL_DATA}", file=sys.stderr)
        return []
    span = ["--symbol", "BTCUSDT", "--start", "2022-01-01T00", "--end", "2022-06-01T00", "--on-halt", "mark", "--json"]
    with settings(folder / "replay", {}) as environment:
        ingest(environment)
        train = ["train", "--symbol", "BTCUSDT", "--end", "2022-01-01T00", "--json"]
        model = json.loads(trader(*train, environment=environment))["model_id"]
        out = ["--out", str(folder / "scratch")]
        replayed = json.loads(trader("replay", *span, *out, "--model", model, environment=environment))
        tested = json.loads(trader("backtest", *span, "--model", model, environment=environment))
    if (replayed["net"], replayed["gross"]) != (tested["net"], tested["gross"]):
        raise SystemExit(f"replay {replayed['net']} and backtest {tested['net']} differ")
    rate = replayed["runs"] / replayed["seconds"]
    ratio = replayed["seconds"] / tested["seconds"]
    return [
        figure(f"replay, {replayed['runs']} hours of BTCUSDT", f"{rate:.0f} runs/s", ">= 100 runs/s"),
        figure("backtest of the same hours, equal to the last bit", f"{tested['seconds']:.2f} s", "-"),
        figure("  replay as a multiple of it", f"{ratio:.0f} x", "-"),
    ]


def measure_ingest(folder: Path) -> list[dict[str, Any]]:
    """Time the ingestion of 58 monthly files from a folder, and again with nothing left to do."""
    if not (REAL_DATA / "vision").is_dir():
        print(f"SKIPPED: ingestion of real months, no klines at {REAL_DATA}", file=sys.stderr)
        return []
    with settings(folder / "ingest", {}) as environment:
        first, second = ingest(environment), ingest(environment)
    return [
        figure(f"ingest, {first['fetched']} monthly files from a folder", f"{first['seconds']:.2f} s", "< 10 s"),
        figure(f"ingest again, {second['unchanged']} unchanged", f"{second['seconds']:.2f} s", "-"),
    ]


def ingest(environment: dict[str, str]) -> dict[str, Any]:
    """Ingest BTCUSDT 2017-08 to 2022-05 and return the report."""
    words = ["--symbol", "BTCUSDT", "--start", "2017-08", "--end", "2022-05", "--archive", str(REAL_DATA / "vision")]
    return dict(json.loads(trader("ingest", *words, "--json", environment=environment)))


def measure_indicators(_: Path) -> list[dict[str, Any]]:
    """Time the feature table against the bare TA-Lib calls for the same columns."""
    end = datetime(2034, 1, 1, tzinfo=UTC)
    market = SyntheticMarket(seed=7, clock=VirtualClock(end))
    hours = market.klines("DEMOUSDT", "1h", start=datetime(2024, 1, 1, tzinfo=UTC), end=end)
    klines = fill_gaps(hours)[:INDICATOR_ROWS]
    ours = best(lambda: compute_indicators(klines, FEATURE_PRESETS["ten"]))
    bare = best(lambda: bare_indicators(klines))
    return [figure(f"indicators, {len(klines)} rows: ours / bare TA-Lib", f"{ours / bare:.2f} x", "<= 2 x")]


def bare_indicators(klines: Klines) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """Return the ten columns without division, checks and rounding."""
    averages = [talib.SMA(klines.close, period) for period in (5, 10, 15, 20)]
    strengths = [talib.RSI(klines.close, period) for period in (7, 14, 21)]
    flows = [talib.MFI(klines.high, klines.low, klines.close, klines.volume, period) for period in (7, 14, 21)]
    return averages + strengths + flows
