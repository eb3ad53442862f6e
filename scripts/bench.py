"""The figures of docs/performance.md, measured on this machine in one go: `make bench`, or with --json for programs.

Machines are noisy: compare ratios of one run, not seconds of two. Parts that need real klines (a copy of Binance's
archive, see TRADER_REAL_DATA) are skipped, and say so, where there is none.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests have the servers that a bot is measured against

from scripts.bench_catch_up import measure_catch_up
from scripts.bench_dashboard import measure_dashboard
from scripts.bench_live import measure_live
from scripts.bench_local import measure_indicators, measure_ingest, measure_replay, measure_run
from scripts.bench_pruning import measure_pruning
from scripts.bench_search import measure_search

Measure = Callable[[Path], list[dict[str, Any]]]

PARTS: dict[str, Measure] = {
    "demo": measure_run,
    "live": measure_live,
    "catch-up": measure_catch_up,
    "dashboard": measure_dashboard,
    "replay": measure_replay,
    "ingest": measure_ingest,
    "indicators": measure_indicators,
    "search": measure_search,
    "pruning": measure_pruning,
}


def main() -> int:
    """Measure everything, or the parts that are named, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"{', '.join(PARTS)}; default: all"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--requests", action="store_true", help="also list the requests that were counted, by key")
    chosen = parser.parse_args()
    machine = describe_machine()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="trader-bench-") as folder:
        for part in chosen.parts or PARTS:
            rows += PARTS[part](Path(folder))
    if chosen.json:
        print(json.dumps({"machine": machine, "figures": rows}, indent=2))
        return 0
    print("  ".join(f"{key}: {value}" for key, value in machine.items()))
    for row in rows:
        print(f"{row['what']:<84} {row['value']:>28}   aim {row['aim']}")
        for line in row.get("requests", ()) if chosen.requests else ():
            print(f"    {line}")
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


if __name__ == "__main__":
    sys.exit(main())
