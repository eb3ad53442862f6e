"""Stores with a dashboard to look at: made by the program itself, and then, for the troubled one, edited."""

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from trader.bootstrap import build_bot
from trader.cli import main
from trader.config import load_settings
from trader.jobs.bot import Desk
from trader.jobs.dashboard.scripts import as_script
from trader.jobs.dashboard.site import write_index
from trader.jobs.dashboard.update import rebuild
from trader.ml.drift.report import DriftReport, FeatureDrift, Finding
from trader.report.dashboard.site import assets
from trader.store.head import Word

NAME = "DEMOUSDT-1h"
HOSTILE = "<b>x</b><img src=x onerror=alert(1)></script><script>alert(2)</script>"
SETTINGS = {
    "TRADER__TRACKER__KINDS": "none",
    "TRADER__DASHBOARD__ENABLED": "false",
    "TRADER__DRIFT__ENABLED": "false",
    "TRADER__DEMO__REPLAY_DAYS": "40",
    "TRADER__DEMO__TRIALS": "4",
    "TRADER__RETRAIN__THRESHOLD": "5",
}
"""A demo that finds a training due in its live hour, whatever it has earned."""

_CALL = re.compile(r'TRADER\.\w+\((?:"[^"]*",)*(.*)\);\s*', re.DOTALL)


def demo_store(folder: Path) -> Path:
    """Live a demo of 40 days into `folder/store`, train, let the loser wait for approval, and write the dashboard."""
    store = folder / "store"
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("TRADER__")]:
            patch.delenv(name)
        for name, value in {**SETTINGS, "TRADER__STORAGE__URL": str(store)}.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        assert main(["demo"]) == 0
        bot = build_bot(load_settings())
    desk = Desk(bot=bot, symbol=bot.symbols[0])
    challenger = _nominate(desk)
    rebuild(desk, horizons={}, beside=_beside(desk, challenger))
    write_index(bot, assets=assets(), version="1.2.3")
    return store


def _nominate(desk: Desk) -> str:
    """Let the newest model that is not the champion wait for a person's word."""
    champion = desk.models.champion()
    assert champion is not None
    [loser] = [model_id for model_id in desk.models.registry.states() if model_id != champion.model_id]
    at = datetime(2026, 1, 1, 2, tzinfo=UTC)
    desk.models.registry.nominate(loser, word=Word(at=at, who="tests", why="to be looked at"))
    return loser


def _beside(desk: Desk, challenger: str) -> dict[str, object]:
    champion = desk.models.champion()
    assert champion is not None
    newest = desk.journal.newest()
    return {
        "problems": [{"at": newest, "where": "tracker", "what": "no answer", "advice": "look at tracker.mlflow_uri"}],
        "policy": {
            "threshold": -0.02,
            "window": 336,
            "cooldown_hours": 168,
            "max_loss": 0.2,
            "max_lateness_minutes": 15,
        },
        "model": {
            "id": champion.model_id,
            "last": champion.card.last,
            "promoted_at": champion.since,
            "pinned": False,
            "challengers": [challenger],
        },
        "drift": _drift(champion.model_id, newest),
        "version": "1.2.3",
        "notional_currency": "USDT",
    }


def _drift(model_id: str, at: datetime | None) -> DriftReport:
    assert at is not None
    features = (
        FeatureDrift(name="rsi_14", psi=0.31, ks=0.12, limit_psi=0.25, limit_ks=0.2, alarm=True),
        FeatureDrift(name="ma_5", psi=0.04, ks=0.05, limit_psi=0.25, limit_ks=0.2, alarm=False),
    )
    prediction = Finding(name="prediction", value=0.08, limit=0.2, what="p(up) lies where it lay")
    return DriftReport(
        checked_at=at,
        model_id=model_id,
        rows=720,
        window_days=30,
        false_alarms_per_year=0.5,
        features=features,
        prediction=prediction,
        alarms=("feature rsi_14",),
    )


def read_script(path: Path) -> Any:
    """What a data file holds: the last argument of its call."""
    found = _CALL.fullmatch(path.read_text())
    assert found, path
    return json.loads(found[1])


def files_of(folder: Path) -> dict[str, Any]:
    """All data files of a site by name, without `.js`."""
    return {path.stem: read_script(path) for path in sorted((folder / "data").rglob("*.js"))}


def troubled_site(folder: Path) -> None:
    """Edit a site: late, halted, full of hostile texts; a month and the list of models gone, a model's page damaged."""
    data = folder / "data" / NAME
    files = files_of(folder)
    content, models = files["summary"], files["models"]
    summary = content["summary"]
    summary["mode"] = "testnet"
    summary["now"] |= {"halt": HOSTILE, "unexplained": HOSTILE, "reason": HOSTILE}
    summary["totals"]["round_trips"] = 7
    kinds = ("training", "promotion", "epoch", "halt", "resume", "limit", "absence")
    at = summary["now"]["open_time"]
    summary["marks"] = [{"at": at, "kind": kind, "text": HOSTILE} for kind in kinds]
    content["problems"] = [{"at": at, "where": HOSTILE, "what": HOSTILE, "advice": HOSTILE}]
    (data / "summary.js").write_bytes(as_script("summary", NAME, content))
    months = sorted(summary["months"])
    _hostile_month(data / f"{months[-1]}.js", month=months[-1], content=files[months[-1]])
    (data / f"{months[0]}.js").unlink()
    for event in models["events"]:
        event["why"] = HOSTILE
    (data / "models.js").write_bytes(as_script("models", NAME, models))
    (data / f"model-{models['champion']}.js").write_bytes(b'TRADER.model("DEMOUSDT-1h","x",{"card":')
    index = files["index"] | {"symbols": ["DEMOUSDT", "NEWER", "GONE"]}
    (folder / "data" / "index.js").write_bytes(as_script("index", index))
    newer = folder / "data" / "NEWER-1h"
    newer.mkdir()
    (newer / "summary.js").write_bytes(as_script("summary", "NEWER-1h", {"summary": {"schema": 999}}))


def _hostile_month(path: Path, *, month: str, content: dict[str, Any]) -> None:
    places = {name: place for place, name in enumerate(content["columns"])}
    order = {
        "id": "b1",
        "side": "BUY",
        "quantity": "1",
        "status": "REFUSED",
        "refused": HOSTILE,
        "signed_at": "2026-01-01T01:00:00+00:00",
    }
    for row in content["rows"]:
        for name in ("reason", "unexplained", "new_epoch", "halt"):
            row[places[name]] = HOSTILE
        row[places["features"]] = {HOSTILE: 1.5}
        row[places["orders"]] = [order]
    path.write_bytes(as_script("month", NAME, month, content))


def hours_ago(summary: dict[str, Any]) -> timedelta:
    """How long ago the newest kline of a summary opened, by this machine's clock."""
    return datetime.now(UTC) - datetime.fromisoformat(summary["now"]["open_time"])
