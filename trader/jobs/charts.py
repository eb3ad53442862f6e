"""Charts and tables as files, in the layout in which trackers keep them (docs/trackers.md)."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from trader.core.errors import BadConfig
from trader.core.tracking import Step
from trader.jobs.bot import Desk
from trader.ml.importance import Importance
from trader.report.charts import CHARTS, draw_html, draw_png, draw_study
from trader.report.charts.heading import worth
from trader.report.charts.results import results_csv, results_html
from trader.report.charts.search import STUDY_CHARTS
from trader.report.summary.model import Summary
from trader.store.codec import to_json
from trader.store.studies import StudyStore


def write_charts(desk: Desk, summary: Summary, *, folder: Path, since: datetime) -> Mapping[str, str]:
    """Draw every chart, and the table of the runs from `since` on; return the local files by their kept names."""
    model_id = summary.now.model_id
    importance = importance_of(desk, model_id) if model_id else None
    files: dict[str, bytes] = {}
    for name in CHARTS:
        files[f"static-img/{name}.png"] = draw_png(name, summary, importance=importance)
        files[f"interactive-img/{name}.html"] = draw_html(name, summary, importance=importance).encode()
    rows = desk.ledger.after(since - timedelta(milliseconds=1))
    files["data/results.csv"] = results_csv(rows)
    page = results_html(rows, title=f"{desk.symbol} {desk.bot.interval}: runs", about=worth(summary))
    files["data/results.html"] = page.encode()
    if model_id:
        files["model/card.json"] = to_json(desk.models.card(model_id))
    return written(files, folder=folder)


def study_files(desk: Desk, study_id: str, *, folder: Path) -> Mapping[str, str]:
    """Draw what a study came to; return the local files by their kept names, its trials as JSON among them."""
    study = StudyStore(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval).study(study_id)
    files = {"data/trials.json": to_json(study)}
    for name in STUDY_CHARTS:
        for file, data in draw_study(study, name=name).items():
            files[f"{'static-img' if file.endswith('.png') else 'interactive-img'}/{file}"] = data
    return written(files, folder=folder)


def study_steps(desk: Desk, study_id: str) -> tuple[Step, ...]:
    """Return a study's trials as steps: the score of each where it has one, the best so far, and its round trips."""
    store = StudyStore(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval)
    begun, best, steps = store.record(study_id).begun_at, -math.inf, list[Step]()
    for trial in store.study(study_id).trials:
        metrics = {"trial/round_trips": float(trial.round_trips), "trial/seconds": trial.seconds}
        if trial.score is not None:
            metrics["trial/score"] = trial.score
            best = max(best, trial.score) if trial.is_evidence else best
        if best > -math.inf:
            metrics["trial/best"] = best
        steps.append(Step(number=trial.number, at=begun, metrics=metrics))
    return tuple(steps)


def importance_of(desk: Desk, model_id: str) -> Importance | None:
    """Return what the training that made a model found of its features, None when there was no search."""
    try:
        study_id = desk.models.card(model_id).study
    except BadConfig:
        return None
    if not study_id:
        return None
    report = StudyStore(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval).report(study_id)
    return None if report is None else report.importance


def written(files: Mapping[str, bytes], *, folder: Path) -> dict[str, str]:
    """Write files into a folder and return their paths by name."""
    paths: dict[str, str] = {}
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        paths[name] = str(path)
    return paths
