"""How fast parameters are scored: the obvious way against ours, the same 20 rows of parameters on the same folds."""

import json
import os
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench_figures import REAL_DATA, ROOT, clean_environment, figure
from trader.adapters.kline_archive import FolderArchive
from trader.adapters.local_storage import LocalStorage
from trader.cli.output import Bar
from trader.core.indicators import FEATURE_PRESETS
from trader.core.klines import Klines
from trader.jobs.ingest import ingest
from trader.ml.history import build_history
from trader.ml.walkforward import first_row, make_folds
from trader.store.klines import KlineStore

START, END = datetime(2018, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)
LONGEST = 180
DRAWN = 14
REPEATS = 3
TUTORIAL = (  # the published rows: trees, depth, learning rate, row share, column share, gamma, look-back in days
    (567, 7, 0.01138743644743088, 0.5910529620609777, 0.7448515469428725, 6, 89),
    (434, 4, 0.04010298642816986, 0.8381669456266398, 0.7620025386515892, 12, 51),
    (607, 9, 0.06237880682856147, 0.5343209978550263, 0.5614263804274081, 2, 32),
    (500, 3, 0.04975497382022411, 0.5580244739234987, 0.8436880420421129, 11, 105),
    (355, 5, 0.0317123218374243, 0.786879421330084, 0.886074463728819, 20, 59),
    (980, 10, 0.08398434810756214, 0.6257976551480288, 0.818063325161848, 0, 55),
)


def measure_search(folder: Path) -> list[dict[str, Any]]:
    """Time the obvious way and ours, one process after the other, and compare their scores."""
    if not (REAL_DATA / "vision").is_dir():
        return [figure("search: SKIPPED, needs real klines (TRADER_REAL_DATA)", "-")]
    arrays, rows = folder / "search.npz", json.dumps(parameter_rows())
    write_arrays(arrays, load_klines(folder / "search"))
    python = other_environment()
    workers = os.cpu_count() or 1
    obvious, exact, fast = [], [], []
    for _ in range(REPEATS):
        obvious.append(_run(python, "bench_obvious.py", arrays, rows))
        exact.append(_ours(arrays, rows, workers=workers))
        fast.append(_ours(arrays, rows, workers=workers, max_bin=64, cheaper=2.0))
    few_bins = _ours(arrays, rows, workers=workers, max_bin=64)
    fewer = _ours(arrays, rows, workers=workers, max_bin=64, cheaper=4.0)
    other_seed = _ours(arrays, rows, workers=workers, seed=1)
    off = np.abs(np.array(obvious[0]["scores"]) - np.array(exact[0]["scores"])).max()
    ratio = _seconds(obvious) / _seconds(exact)
    overhead = statistics.median(1 - run["training"] / run["cpu_seconds"] for run in exact)
    return [
        figure("search, 20 rows of parameters: the obvious way", f"{_seconds(obvious):.1f} s"),
        figure("search, ours with the same bins and rounds", f"{_seconds(exact):.1f} s, {ratio:.2f} x", ">= 1.8 x"),
        figure("  largest difference of a score", f"{off:.1e}", "<= 1e-9"),
        figure("  CPU time beside matrices and xgb.train", f"{overhead:.1%}", "<= 5 %"),
        *(
            line
            for name, runs in (
                ("64 bins", [few_bins]),
                ("64 bins, half the rounds at twice the rate (the defaults' way)", fast),
                ("64 bins, a quarter of the rounds at four times the rate", [fewer]),
                ("another seed, for the scale of what is lost", [other_seed]),
            )
            for line in _compared(name, runs, exact=exact, obvious=obvious)
        ),
    ]


def _compared(
    name: str, runs: list[dict[str, Any]], *, exact: list[dict[str, Any]], obvious: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    ratio = _seconds(obvious) / _seconds(runs)
    lost = f"rank correlation {rank_correlation(exact[0], runs[0]):.2f}, score lost {regret(exact[0], runs[0]):.2f}"
    return [figure(f"search, {name}", f"{_seconds(runs):.1f} s, {ratio:.2f} x"), figure("  its choice", lost)]


def parameter_rows() -> list[dict[str, float]]:
    """Return the six published rows and 14 drawn from the same space with a fixed seed."""
    rng = np.random.default_rng(2018)
    drawn = [
        (
            int(rng.integers(350, 1001)),
            int(rng.integers(3, 11)),
            float(rng.uniform(0.01, 0.10)),
            float(rng.uniform(0.5, 0.9)),
            float(rng.uniform(0.5, 0.9)),
            int(rng.integers(0, 21)),
            int(rng.integers(30, 181)),
        )
        for _ in range(DRAWN)
    ]
    names = ("n_estimators", "max_depth", "learning_rate", "subsample", "colsample_bytree", "gamma")
    return [
        {**dict(zip(names, row[:-1], strict=True)), "look_back_hours": int(row[-1]) * 24} for row in (*TUTORIAL, *drawn)
    ]


def load_klines(folder: Path) -> Klines:
    """Return BTCUSDT until the end of 2021, from the archive's files."""
    storage = LocalStorage(folder, durable=False)
    archive = FolderArchive(REAL_DATA / "vision")
    span = {"first": "2017-08", "last": "2021-12", "now": END}
    ingest(storage=storage, archive=archive, progress=Bar(silent=True), symbol="BTCUSDT", interval="1h", **span)
    return KlineStore(storage).load("BTCUSDT", "1h", end=END)


def write_arrays(path: Path, klines: Klines) -> None:
    """Write what both ways are given: features, labels, returns, and folds that are the same for every row."""
    history = build_history(klines, names=FEATURE_PRESETS["ten"])
    start = first_row(history, origin=klines.index_of(START), look_back_days=LONGEST)
    folds = make_folds(start=start, stop=len(history) - 1, interval="1h")
    np.savez(
        path,
        features=history.features,
        labels=history.labels,
        returns=np.nan_to_num(history.returns),
        names=np.array(history.names),
        folds=np.array([(fold.start, fold.stop) for fold in folds]),
    )


def rank_correlation(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return Spearman's rank correlation of two lists of scores."""
    ranks = [np.argsort(np.argsort(run["scores"])) for run in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


def regret(exact: dict[str, Any], other: dict[str, Any]) -> float:
    """Return by how much the exact score of the best row exceeds that of the row which the other scores choose."""
    scores = np.array(exact["scores"])
    return float(scores.max() - scores[int(np.argmax(other["scores"]))])


def other_environment() -> Path:
    """Return the Python of an environment with scikit-learn, which the project's own must not have; made once."""
    place = ROOT / "build" / "bench-environment"
    python = place / "bin" / "python"
    if not (place / "ready").exists():
        pins = [f"{name}=={_version(name)}" for name in ("numpy", "xgboost-cpu", "scipy")]
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-qq", "scikit-learn==1.7.2", *pins], check=True)
        (place / "ready").touch()
    return python


def _version(name: str) -> str:
    from importlib.metadata import version  # noqa: PLC0415

    return version(name)


def _ours(arrays: Path, rows: str, **changes: float) -> dict[str, Any]:
    usual = {"max_bin": 256, "cheaper": 1.0, "seed": 0}
    return _run(Path(sys.executable), "bench_ours.py", arrays, rows, json.dumps({**usual, **changes}))


def _run(python: Path, script: str, *arguments: object) -> dict[str, Any]:
    words = [str(python), str(ROOT / "scripts" / script), *map(str, arguments)]
    done = subprocess.run(words, env=clean_environment({}), stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _seconds(runs: list[dict[str, Any]]) -> float:
    return statistics.median(run["seconds"] for run in runs)
