"""The summary in the store, with what stands beside it in the first view.

dashboard/data/BTCUSDT-1h/summary.js
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from trader.core.errors import BadConfig, BadData
from trader.jobs.bot import Desk
from trader.jobs.dashboard.places import key_of, name_of
from trader.jobs.dashboard.scripts import as_json, as_script_of_json, last_argument
from trader.report.summary.model import SCHEMA, Setup, Summary
from trader.store.codec import from_json, to_json

log = logging.getLogger(__name__)
FILE = "summary.js"


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """The part of the file that is read back."""

    schema: int
    summary: Summary


def setup_of(desk: Desk) -> Setup:
    """Return what a desk's summary is made with."""
    bot = desk.bot
    return Setup(
        bot_id=bot.bot_id,
        mode=bot.mode,
        symbol=desk.symbol,
        interval=bot.interval,
        notional=float(bot.notional),
        fee_rate=bot.rules.costs.fee_rate,
        slippage_rate=bot.rules.costs.slippage_rate,
    )


def read_summary(desk: Desk) -> Summary | None:
    """Return the summary as it is kept; None when it is lost, damaged, or of another schema."""
    key = key_of(desk, FILE)
    stored = desk.bot.storage.get(key)
    if stored is None:
        return None
    try:
        content = last_argument(stored.data, function="summary", first=name_of(desk), key=key)
        return from_json(_File, content, key=key, schema=SCHEMA, oldest=SCHEMA).summary
    except BadData as error:
        log.warning("%s; it is made anew", error)
        return None


def write_summary(desk: Desk, summary: Summary, *, beside: Mapping[str, object]) -> None:
    """Write the summary with what stands beside it: plain values or dataclasses by name."""
    parts = {"schema": str(SCHEMA), "summary": to_json(summary).decode().strip()}
    parts |= {name: as_json(value) for name, value in beside.items()}
    content = "{" + ",".join(f"{as_json(name)}:{value}" for name, value in parts.items()) + "}"
    script = as_script_of_json("summary", as_json(name_of(desk)), content)
    desk.bot.storage.put(key_of(desk, FILE), script)


def horizons_of(desk: Desk, models: Collection[str], *, known: Mapping[str, int]) -> dict[str, int]:
    """Return the label horizons of models: the known ones, the others from their cards; 1 where there is no card.

    Raises Retryable when the storage does not answer.
    """
    horizons = {model_id: known[model_id] for model_id in models if model_id in known}
    for model_id in sorted(set(models) - set(horizons)):
        try:
            horizons[model_id] = desk.models.card(model_id).horizon
        except (BadData, BadConfig) as error:
            log.warning("%s; its predictions are scored one kline ahead", error)
            horizons[model_id] = 1
    return horizons
