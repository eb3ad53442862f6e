"""Where a bot's runs are told, and what of it is wanted: the settings of watching, and the ports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from trader.core.notices import Level
from trader.ports import Notifier, Tracker


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRules:
    """Which notices go out: from `level` on, the two kinds that are asked for by name, and none twice in `repeat`."""

    level: Level = Level.WARNING
    daily: bool = True
    success: bool = False
    repeat: timedelta = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRules:
    """How the daily look is done; `verified` decisions are made again, 0 for none."""

    window_days: int = 30
    false_alarms_per_year: float = 0.5
    retrain: bool = False
    verified: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """Everything a publication needs besides the bot.

    `seconds` bound a tracker, `notice_seconds` the notifier; `charts_every` is None when no charts are sent. `limits`
    are figures for people that stand beside those of the run (thresholds, by name), `costs` the costs in words.
    `assets` are the dashboard's own files by name, None where there is no dashboard. `broken` says of what was asked
    for and cannot be used why, and what to do.
    """

    trackers: tuple[Tracker, ...] = ()
    notifier: Notifier | None = None
    broken: Mapping[str, str] = field(default_factory=dict)
    experiment: str = "hourly-trader"
    seconds: float = 8.0
    notice_seconds: float = 5.0
    charts_every: timedelta | None = timedelta(days=1)
    assets: Callable[[], Mapping[str, bytes]] | None = None
    notices: NoticeRules = field(default_factory=NoticeRules)
    drift: DriftRules | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    costs: str = ""
