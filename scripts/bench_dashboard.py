"""Figures of the dashboard after three years of runs: what its files take and weigh, and when it is painted."""

import shutil
import statistics
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.bench_figures import figure, settings, trader
from trader.bootstrap import build_bot
from trader.config import load_settings
from trader.jobs.bot import Desk
from trader.jobs.dashboard import bring_forward, rebuild, write, write_index
from trader.jobs.dashboard.places import PAGE, key_of
from trader.report.dashboard.site import assets
from trader.store.ledger_rows import COLUMNS

RUNS = 3 * 365 * 24
_REPEATS = 3
_CHROMIUM = shutil.which("chromium")


def measure_dashboard(folder: Path) -> list[dict[str, Any]]:
    """Repeat a demo's runs until there are three years of them, and make their dashboard, whole and by one run more."""
    store = folder / "dashboard"
    quick = {"TRADER__DEMO__REPLAY_DAYS": "90", "TRADER__TRACKER__KINDS": "none", "TRADER__DRIFT__ENABLED": "false"}
    with settings(store, quick) as environment:
        trader("demo", environment=environment)
    bot = build_bot(load_settings(storage={"url": str(store)}))
    desk = Desk(bot=bot, symbol=bot.symbols[0])
    rows = _repeated(desk.ledger.read())
    _write_ledger(store, desk, rows[:-1])
    whole = [_timed(lambda: rebuild(_again(desk), horizons={}, beside={})) for _ in range(_REPEATS)]
    _write_ledger(store, desk, rows)
    newest = rows[-1]["open_time"]
    one = [_timed(lambda: bring_forward(_again(desk), newest=newest, horizons={})) for _ in range(_REPEATS)]
    forward = bring_forward(_again(desk), newest=newest, horizons={})
    one = [seconds + _timed(lambda: write(desk, forward, beside={})) for seconds in one]
    write_index(bot, assets=assets(), version="bench")
    months = list((store / key_of(desk, "x")).parent.glob("20*.js"))
    first = sum(path.stat().st_size for path in (store / "dashboard").glob("*") if "plotly" not in path.name)
    first += (store / key_of(desk, "summary.js")).stat().st_size
    return [
        figure(f"dashboard of {RUNS:,} runs: made anew", f"{statistics.median(whole):.2f} s", "< 5 s"),
        figure("  carried on by one run", f"{statistics.median(one):.2f} s", "< 1 s"),
        figure("  first view without the chart library", f"{first / 1000:.0f} kB", "< 500 kB"),
        figure("  its largest month", f"{max(path.stat().st_size for path in months) / 1000:.0f} kB", "< 2 MB"),
        figure("  first paint in Chromium, from the folder", _first_paint(store / PAGE), "< 1 s"),
    ]


def _repeated(table: pa.Table) -> list[dict[str, Any]]:
    """Return the runs over and over, each an hour after the one before, the last ones newest."""
    rows = table.to_pylist()
    end = rows[-1]["open_time"]
    hours = range(RUNS - 1, -1, -1)
    return [rows[-1 - hour % len(rows)] | {"open_time": end - timedelta(hours=hour)} for hour in hours]


def _write_ledger(store: Path, desk: Desk, rows: list[dict[str, Any]]) -> None:
    months: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        months.setdefault(f"{row['open_time']:%Y-%m}", []).append(row)
    for month, part in months.items():
        path = store / f"ledger/{desk.symbol}/{desk.bot.interval}/{month}.parquet"
        pq.write_table(pa.Table.from_pylist(part, schema=COLUMNS), path)


def _again(desk: Desk) -> Desk:
    """Return the desk as another process has it: nothing of the ledger is in hand."""
    return Desk(bot=desk.bot, symbol=desk.symbol)


def _timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _first_paint(page: Path) -> str:
    if _CHROMIUM is None:
        return "no Chromium here"
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto(page.as_uri())
        tab.wait_for_selector("h1")
        paint = tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        browser.close()
    return f"{paint:.0f} ms"
