"""Figures of the first minute in production: from an empty bucket to a decision, without anybody's help."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scripts.bench_figures import clean_environment, figure, timed
from scripts.bench_world import HOUR, SYMBOL
from tests.archives import publish_months
from tests.builders import random_klines, ticked
from tests.worlds import QUICK, SMALL_MODEL, trading_world

FIRST = datetime(2024, 3, 2, 6, tzinfo=UTC)
_YEARS, _SERVED = 6, timedelta(days=30)
"""Of klines in the archive, and what the testnet still serves of them."""


def measure_catch_up(folder: Path) -> list[dict[str, Any]]:
    """Ingest, train and decide from nothing, the archive in a folder, the store in S3 on this machine."""
    klines = ticked(random_klines(_YEARS * 8766, seed=6, start=FIRST - (_YEARS * 8766 - 24) * HOUR, price=60000.0))
    archive = folder / "archive"
    publish_months(archive, klines.between(klines.first, FIRST.replace(day=1, hour=0)))
    recent = {SYMBOL: klines.between(FIRST - _SERVED, FIRST + 2 * HOUR)}
    with trading_world(folder / "world", recent, first=FIRST, storage="s3") as world:
        kept = {name: value for name, value in world.environment.items() if name not in (*SMALL_MODEL, *QUICK)}
        world.move_to_run(FIRST)
        environment = clean_environment(kept | {"TRADER__MARKET__ARCHIVE": str(archive)})
        done = timed("run", "--catch-up", environment=environment)
        (answer,) = json.loads(timed("run", "--json", environment=environment).out)["runs"]
    filled = re.search(rb"(\d+) klines of (\d+) months", done.out)
    if filled is None or answer["outcome"] != "already-done" or answer["model_id"] is None:
        raise SystemExit(f"the first run did not ingest, train and decide: {done.out.decode()}{answer}")
    return [
        figure(
            f"from an empty bucket: {int(filled[2])} months ingested, model trained, decided",
            f"{done.ended - done.started:.1f} s",
            "< 300 s",
        ),
        figure("the same, peak memory", f"{done.memory:.0f} MB", "< 1024 MB"),
    ]
