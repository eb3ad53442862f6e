"""The models of one symbol: the list of all, and a page for each.

    dashboard/data/BTCUSDT-1h/models.js          who decides, every model and its state, every event
    dashboard/data/BTCUSDT-1h/model-<id>.js      its card, the report of its training, the trials of its study

A page is what a person reads before approving a challenger. It is written once and again when its report may have
changed; the list after every change of the registry.
"""

import logging

from trader.core.errors import BadConfig, BadData
from trader.jobs.bot import Desk
from trader.jobs.dashboard.places import FOLDER, key_of, name_of
from trader.jobs.dashboard.scripts import as_script
from trader.jobs.models import Listed, details, overview
from trader.ml.card import ModelCard
from trader.ml.study import Trial
from trader.store.studies import StudyStore

log = logging.getLogger(__name__)


def write_models(desk: Desk, *, anew: bool = False) -> None:
    """Write the list of the models, and the pages that are missing or about the newest study; `anew` writes them all.

    A model whose card cannot be read is left out. Raises BadData when the head or the log of the registry is damaged.
    """
    found, storage = overview(desk), desk.bot.storage
    cards = {each.model_id: card for each in found.models if (card := _card(desk, each.model_id)) is not None}
    newest = max((card.study for card in cards.values()), default="")
    there = set(storage.keys(f"{FOLDER}data/{name_of(desk)}/"))
    for card in cards.values():
        key = key_of(desk, f"model-{card.model_id}.js")
        if anew or key not in there or (newest and card.study == newest):
            storage.put(key, _page(desk, card))
    content = {
        "champion": found.champion,
        "pinned": found.pin is not None and found.pin.on,
        "models": [_entry(each, cards[each.model_id]) for each in found.models if each.model_id in cards],
        "events": desk.models.registry.events(),
    }
    storage.put(key_of(desk, "models.js"), as_script("models", name_of(desk), content))


def _card(desk: Desk, model_id: str) -> ModelCard | None:
    try:
        return desk.models.card(model_id)
    except (BadData, BadConfig) as error:
        log.warning("%s; the model is not shown", error)
        return None


def _entry(listed: Listed, card: ModelCard) -> dict[str, object]:
    return {
        "id": card.model_id,
        "state": listed.state,
        "since": listed.since,
        "who": listed.who,
        "why": listed.why,
        "first": card.first,
        "last": card.last,
        "rows": card.rows,
        "created_at": card.created_at,
        "features": len(card.features),
        "horizon": card.horizon,
        "study": card.study,
    }


def _page(desk: Desk, card: ModelCard) -> bytes:
    """Return a model's page; what cannot be read of its training is left out."""
    report = details(desk, card.model_id).report if card.study else None
    content = {"card": card, "report": report, "trials": _trials(desk, card.study) if card.study else None}
    return as_script("model", name_of(desk), card.model_id, content)


def _trials(desk: Desk, study_id: str) -> list[dict[str, object]] | None:
    try:
        trials = StudyStore(desk.bot.storage, symbol=desk.symbol, interval=desk.bot.interval).trials(study_id)
    except (BadData, BadConfig) as error:
        log.warning("%s; its trials are not shown", error)
        return None
    return [_row(trial) for trial in trials]


def _row(trial: Trial) -> dict[str, object]:
    return {
        **trial.parameters,
        "number": trial.number,
        "score": trial.score,
        "state": trial.state,
        "net": trial.net,
        "gross": trial.gross,
        "round_trips": trial.round_trips,
        "is_evidence": trial.is_evidence,
        "why": trial.why,
    }
