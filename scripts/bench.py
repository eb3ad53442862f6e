"""The figures of docs/performance.md, measured on this machine in one go: `make bench`, or with --json for programs.

Machines are noisy: compare ratios of one run, not seconds of two. Parts that need real klines (a copy of Binance's
archive, see TRADER_REAL_DATA) are skipped, and say so, where there is none.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import talib

from trader.adapters.clocks import VirtualClock
from trader.adapters.synthetic_market import SyntheticMarket
from trader.core.indicators import FEATURE_PRESETS, compute_indicators
from trader.core.klines import Klines, fill_gaps

ROOT = Path(__file__).parents[1]
REAL_DATA = Path(os.environ.get("TRADER_REAL_DATA", ROOT.parent / "shared" / "data"))
RUNS = 9
INDICATOR_ROWS = 77_000


def main() -> int:
    """Measure everything, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    as_json = parser.parse_args().json
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="trader-bench-") as folder:
        for measure in (measure_run, measure_replay, measure_ingest, measure_indicators):
            rows += measure(Path(folder))
    machine = describe_machine()
    if as_json:
        print(json.dumps({"machine": machine, "figures": rows}, indent=2))
        return 0
    print("  ".join(f"{key}: {value}" for key, value in machine.items()))
    for row in rows:
        print(f"{row['what']:<58} {row['value']:>12}   aim {row['aim']}")
    return 0


def describe_machine() -> dict[str, str]:
    """Return what the figures depend on."""
    cpu = next(
        (line.split(":")[1].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")),
        platform.processor() or "unknown processor",
    )
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cpu": f"{os.cpu_count()} x {cpu}",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.1f} at the start",
    }


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def measure_run(folder: Path) -> list[dict[str, Any]]:
    """Time steady-state demo runs as processes: from the start to the order, to the commit, to the exit, and memory."""
    with settings(folder / "demo", {"TRADER__DECISION__BAND": "0", "TRADER__DEMO__REPLAY_DAYS": "30"}) as environment:
        trader("demo", environment=environment)
        samples = [one_run(environment) for _ in range(40)]
        traded = [sample for sample in samples if sample["ordered"]][:RUNS]
        quiet = [sample for sample in samples if not sample["ordered"]][:RUNS]
    median = {name: statistics.median(sample[name] for sample in traded) for name in ("order", "commit", "exit")}
    peak = max(sample["memory"] for sample in traded)
    bare = statistics.median(python_start() for _ in range(RUNS))
    return [
        figure(f"trader run, process start to order filled ({len(traded)} runs)", f"{median['order']:.2f} s", "1.6 s"),
        figure("trader run, process start to commit", f"{median['commit']:.2f} s", "2.0 s"),
        figure("trader run, process start to exit", f"{median['exit']:.2f} s", "2.5 s"),
        figure(
            f"trader run without an order, to exit ({len(quiet)} runs)",
            f"{statistics.median(sample['exit'] for sample in quiet):.2f} s",
            "2.5 s",
        ),
        figure("  as a multiple of `python -c pass`", f"{median['exit'] / bare:.0f} x", "-"),
        figure("trader run, peak memory", f"{peak:.0f} MB", "< 400 MB"),
    ]


def one_run(environment: dict[str, str]) -> dict[str, Any]:
    """Return the times of one run in seconds since the process was started, and its peak memory in MB."""
    before = time.monotonic()
    with tempfile.TemporaryFile() as sink:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), "run", "--json"], env=environment, stdout=sink, cwd=ROOT
        )
        _, status, usage = os.wait4(process.pid, 0)
        ended = time.monotonic()
        sink.seek(0)
        (answer,) = json.loads(sink.read())["runs"]
    if status != 0 or answer["outcome"] != "done":
        raise SystemExit(f"the run failed: {answer}")
    timings = answer["timings"]
    return {
        "ordered": bool(answer["orders"]),
        "order": timings["started"] - before + timings["execute"],
        "commit": timings["started"] - before + timings["commit"],
        "exit": ended - before,
        "memory": usage.ru_maxrss / 1024,
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


def best(work: Callable[[], Any], *, times: int = 30) -> float:
    """Return the shortest of some repetitions, in seconds."""
    seconds = []
    for _ in range(times):
        before = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - before)
    return min(seconds)


def figure(what: str, value: str, aim: str) -> dict[str, Any]:
    """Return one line of the table."""
    return {"what": what, "value": value, "aim": aim}


@contextmanager
def settings(store: Path, more: dict[str, str]) -> Iterator[dict[str, str]]:
    """Give an environment with the default settings and a store of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRADER_")}
    yield {**inherited, "TRADER__STORAGE__URL": str(store), **more}


def trader(*words: str, environment: dict[str, str]) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *words], env=environment, cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    return done.stdout.decode()


if __name__ == "__main__":
    sys.exit(main())
