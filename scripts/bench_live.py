"""Figures of a bot in testnet mode: requests, the time to its order, and what a long past costs it.

Its processes talk to the local testnet over HTTP and to an S3 server (moto), both in this process. Two bots that differ
in their past only take turns, so that the machine's moods hit both.
"""

import re
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench_figures import figure, spread
from scripts.bench_past import give_past
from scripts.bench_world import HOUR, MeasuredWorld, Run, everybody_told, measured_world
from tests.builders import random_klines, ticked
from tests.counted import kinds
from trader.core.klines import Klines, checked

FIRST = datetime(2024, 2, 29, 6, tzinfo=UTC)
MONTH, YEARS = 30 * 24, 8 * 365 * 24
"""Hours of past behind the two bots."""

_RUNS, _STEADY = 18, 15
"""Runs of each bot, and how many of them are ordinary ones; then comes the first of a UTC day, and that of a month."""

_IMPORT = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|( +)(\S+)$", re.MULTILINE)
_SLOWEST = 10
_ORDER_AIM, _COMMIT_AIM, _EXIT_AIM = "1.6 s", "2.0 s", "6 s"


def measure_live(folder: Path) -> list[dict[str, Any]]:
    """Live the same hours with a month and with eight years behind a bot, and compare."""
    klines = turning_klines(YEARS + 90 * 24, start=FIRST - (YEARS + 60 * 24) * HOUR)
    with (
        everybody_told(folder / "told") as told,
        measured_world(folder / "young", klines, first=FIRST, told=told) as young,
        measured_world(folder / "old", klines, first=FIRST, told=told) as old,
    ):
        objects = [
            give_past(world, klines, first=FIRST, hours=hours, folder=folder / str(hours))
            for world, hours in ((young, MONTH), (old, YEARS))
        ]
        turns = [(young.run(), old.run()) for _ in range(_RUNS)]
        imports = import_figures(young)
    runs = [run for run, _ in turns]
    return [
        *request_figures(runs),
        *time_figures(runs[:_STEADY]),
        *daily_figures(*turns[_STEADY]),
        *imports,
        *past_figures([*turns[:_STEADY], *turns[_STEADY + 1 :]], objects),
    ]


def daily_figures(young: Run, old: Run) -> list[dict[str, Any]]:
    """Give what the first run of a UTC day costs: it looks for drift and makes decisions again."""
    exits = f"{young.exit:.2f} s, {old.exit:.2f} s"
    requests = f"{len(young.requests.after)}, {len(old.requests.after)}"
    return [
        figure("  to exit in the first run of a day, with a month and with eight years behind it", exits),
        figure("    its requests after the commit", requests),
    ]


def turning_klines(count: int, *, start: datetime) -> Klines:
    """Return a market that takes back half of what it did the hour before: a model sees that, and trades often."""
    quiet = ticked(random_klines(count, seed=6, start=start, price=60000.0))
    steps = np.random.default_rng(6).normal(0, 0.005, count)
    back = np.zeros(count)
    for hour in range(1, count):
        back[hour] = steps[hour] - 0.5 * back[hour - 1]
    close = 60000.0 * np.exp(np.cumsum(back - back.mean()))
    opened = np.concatenate([[60000.0], close[:-1]])
    prices = {
        "open": opened,
        "high": np.maximum(opened, close) * 1.001,
        "low": np.minimum(opened, close) * 0.999,
        "close": close,
    }
    return ticked(checked(interval="1h", open_time=quiet.open_time, volume=quiet.volume, **prices))


def request_figures(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Count what a run asks, in the hours that differ in it."""
    steady, (daily, turn, *early) = runs[:_STEADY], runs[_STEADY:]
    chosen = {
        "in steady state, with an order": [run for run in steady if run.order is not None],
        "in steady state, without": [run for run in steady if run.order is None],
        "the first of a UTC day (drift, decisions made again)": [daily],
        f"the first kline of a month, {'with' if turn.order else 'without'} an order": [turn],
        "on early days of a month (klines of three months)": early,
    }
    return [line for name, some in chosen.items() if some for line in _request_lines(name, some)]


def _request_lines(name: str, runs: Sequence[Run]) -> list[dict[str, Any]]:
    seen = max((run.requests for run in runs), key=lambda requests: len(requests.storage))
    rows = [
        figure(f"run {name}: storage to commit", f"{len(seen.to_commit)} ({kinds(seen.to_commit)})", "<= 12"),
        figure("  after the commit", f"{len(seen.after)} ({kinds(seen.after)})", "<= 10"),
        figure("  market, exchange", f"{len(seen.market)}, {len(seen.exchange)}"),
    ]
    rows[0]["requests"] = str(seen).splitlines()
    return rows


def time_figures(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Give the seconds to the order as the testnet got it, to the commit as S3 got it, and to the exit."""
    traded = [run for run in runs if run.order is not None]
    quiet = [run for run in runs if run.order is None]
    stages = {name: [run.stages[name] for run in traded] for name in traded[0].stages}
    rows = [
        figure(
            f"run on S3 and testnet, start to order received ({len(traded)} runs)", spread(_orders(traded)), "1.6 s"
        ),
        figure("  to commit", spread([run.commit for run in traded]), _COMMIT_AIM),
        figure("  to exit, MLflow server, dashboard and notices told", spread([run.exit for run in traded]), _EXIT_AIM),
        figure("  peak memory", f"{max(run.memory for run in runs):.0f} MB", "< 400 MB"),
        figure("  of the time to commit, the S3 server's own", spread([run.storage_seconds for run in traded])),
        figure("  stages, seconds at their ends", _stages(stages)),
    ]
    if quiet:
        rows.append(
            figure(f"  to exit without an order ({len(quiet)} runs)", spread([run.exit for run in quiet]), _EXIT_AIM)
        )
    return rows


def _orders(runs: Sequence[Run]) -> list[float]:
    return [run.order for run in runs if run.order is not None]


def _stages(stages: dict[str, list[float]]) -> str:
    """Return the medians in the order in which stages end; all but `start` count from the run's own start."""
    return ", ".join(f"{name} {statistics.median(seconds):.2f}" for name, seconds in stages.items())


def import_figures(world: MeasuredWorld) -> list[dict[str, Any]]:
    """Say which packages a run's imports spend their time in; measuring slows them down by a tenth or so."""
    own: Counter[str] = Counter()
    brought: Counter[str] = Counter()
    importers: list[tuple[int, str]] = []
    found = _IMPORT.findall(world.run("-X", "importtime").errors)
    for microseconds, indent, module in reversed(found):  # whoever imports is listed after what it imports
        package, depth = module.partition(".")[0], len(indent)
        while importers and importers[-1][0] >= depth:
            importers.pop()
        by = importers[-1][1] if importers and importers[-1][1] != "trader" else package
        importers.append((depth, by))
        own[package] += int(microseconds)
        brought[by] += int(microseconds)
    return [
        figure("  imports in that run (-X importtime)", f"{own.total() / 1e6:.2f} s"),
        figure("  by package, without what it imports itself", _slowest(own)),
        figure("  by what our own modules import, with all that it brings", _slowest(brought)),
    ]


def _slowest(costs: Counter[str]) -> str:
    return ", ".join(f"{name} {cost / 1000:.0f}" for name, cost in costs.most_common(_SLOWEST)) + " ms"


def past_figures(turns: Sequence[tuple[Run, Run]], objects: Sequence[int]) -> list[dict[str, Any]]:
    """Compare the same hours with little and with much behind them."""
    paired = [(young, old) for young, old in turns if (young.order is None) == (old.order is None)]
    if len(paired) < len(turns):
        print(
            f"NOTE: {len(turns) - len(paired)} of {len(turns)} hours were traded by one of the two bots only",
            file=sys.stderr,
        )
    requests = [sum(len(run.requests.storage) for run in runs) for runs in zip(*paired, strict=True)]
    rows = [
        figure(
            f"eight years behind it ({objects[1]} objects) against a month ({objects[0]}): requests",
            f"{requests[1] / requests[0]:.2f} x ({requests[1]} / {requests[0]} in {len(paired)} runs)",
            "<= 1.2 x",
        )
    ]
    parts = {
        "to commit, without the S3 server's own time": lambda run: run.own,
        "to commit": lambda run: run.commit,
        "to exit": lambda run: run.exit,
    }
    for name, part in parts.items():
        young, old = (statistics.median(part(run) for run in runs) for runs in zip(*paired, strict=True))
        rows.append(figure(f"  {name}", f"{old / young:.2f} x ({old:.2f} / {young:.2f})", "<= 1.2 x"))
    return rows
