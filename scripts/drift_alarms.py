"""Which alarms the daily look for drift would have given: a model each half-year as of its date, looked at daily.

    .venv/bin/trader ingest --symbol BTCUSDT --start 2020-11 --end 2024-12
    .venv/bin/python scripts/drift_alarms.py --store trader-data/demo > drift.json

Each model is the settings' recipe fitted to its look-back, and decides for half a year, whatever the alarms say; live,
the window of its first month holds rows that the model before it decided, and so it does here. The JSON is a section of
docs/results.md; `--markdown` prints that section.
"""

import argparse
import json
import shlex
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from trader.adapters.local_storage import LocalStorage
from trader.bootstrap import recipe_of, versions
from trader.config import Settings, load_settings
from trader.core.errors import TraderError
from trader.core.indicators import WARM_UP
from trader.core.klines import to_ms
from trader.jobs.replay import load_range
from trader.ml.drift.limits import SHARES, Budget
from trader.ml.drift.looks import look_daily
from trader.ml.drift.past import PastAlarm, past_alarms, past_rows
from trader.ml.drift.reference import Before, make_reference
from trader.ml.training import train_model
from trader.report.tables import Table, as_markdown
from trader.store.klines import KlineStore

DATES = [datetime(year, month, 1, tzinfo=UTC) for year in (2022, 2023, 2024) for month in (1, 7)]
END = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfYear:
    """One model: when it began to decide, how many looks followed, and the alarms among them."""

    since: datetime
    looks: int
    alarms: tuple[PastAlarm, ...]


def main() -> int:
    """Print the alarms as JSON, or as the section of the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True, help="folder with ingested klines")
    parser.add_argument("--symbol", default="BTCUSDT")
    parser.add_argument("--markdown", action="store_true")
    asked = parser.parse_args()
    settings, store = load_settings(), KlineStore(LocalStorage(asked.store))
    try:
        found = [
            half_year(store, settings, symbol=asked.symbol, since=since, until=until)
            for since, until in pairwise([*DATES, END])
        ]
    except TraderError as error:
        print(error, file=sys.stderr)
        return 4
    command = f"python scripts/drift_alarms.py --store {shlex.quote(str(asked.store))} --symbol {asked.symbol}"
    rate = settings.drift.false_alarms_per_year
    told = {"command": command, "symbol": asked.symbol, "rate": rate, "window_days": settings.drift.window_days}
    halves = [asdict(each) for each in found]
    print("\n".join(section(told | {"halves": halves})) if asked.markdown else as_json(told | {"halves": halves}))
    return 0


def half_year(store: KlineStore, settings: Settings, *, symbol: str, since: datetime, until: datetime) -> HalfYear:
    """Return the alarms of one model; the klines until `since` make it, those after it are looked at."""
    recipe, window = recipe_of(settings), settings.drift.window_days
    rows = recipe.rows("1h") + recipe.horizon - 1
    klines = load_range(store, symbol=symbol, interval="1h", start=since, end=until, rows=rows)
    seen = klines[: klines.index_of(since)]
    model = train_model(seen, symbol=symbol, recipe=recipe, now=since, versions=versions())
    reference = make_reference(
        seen[-(rows + WARM_UP) :],
        card=model.card,
        gains={},
        budget=Budget(window=window, false_alarms_per_year=settings.drift.false_alarms_per_year),
        before=Before(),
    )
    served = past_rows(klines, model=model, rules=settings.rules(), start=since - timedelta(days=window))
    served = replace(served, p_up=np.where(served.open_time < to_ms(since), np.nan, served.p_up))
    looks = look_daily(reference, served)
    alarms = past_alarms(reference, looks)
    return HalfYear(
        since=since, looks=(until - since).days, alarms=tuple(each for each in alarms if each.began > since)
    )


def section(found: dict[str, Any]) -> list[str]:
    """Return the section of docs/results.md from what this script printed."""
    halves = found["halves"]
    table = Table(
        title="Drift alarms",
        columns=("model of", "looks", "days with an alarm", "what, since (days)"),
        align="lrrl",
        rows=tuple(
            (
                str(half["since"])[:10],
                str(half["looks"]),
                str(alarm_days(half["alarms"])),
                "; ".join(f"{each['name']} {str(each['began'])[:10]} ({each['looks']})" for each in half["alarms"])
                or "-",
            )
            for half in halves
        ),
    )
    shares = ", ".join(f"{name} {share:.0%}".replace("%", " %") for name, share in SHARES.items())
    rate, days = found["rate"], found["window_days"]
    words = (
        f"{found['symbol']}, daily looks at the last {days} days, a model each half-year; the limits are"
        f" for {rate} false alarms a year on a stationary market ({shares}). A market is none: an alarm says that"
        " indicators, probabilities or outcomes are not distributed as in training."
    )
    return [
        "## Drift alarms",
        "",
        "```",
        str(found["command"]),
        "```",
        "",
        *textwrap.wrap(words, 118),
        "",
        *as_markdown(table),
    ]


def alarm_days(alarms: Sequence[dict[str, Any]]) -> int:
    """Return on how many days at least one alarm went on."""
    days = set()
    for each in alarms:
        began = datetime.fromisoformat(str(each["began"]))
        days |= {began + timedelta(days=place) for place in range(int(str(each["looks"])))}
    return len(days)


def as_json(found: dict[str, Any]) -> str:
    """Return JSON with times as texts."""
    return json.dumps(found, indent=1, default=str)


if __name__ == "__main__":
    raise SystemExit(main())
