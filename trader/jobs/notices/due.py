"""Which notices go out: from a level on, the two kinds that are asked for by name, and nothing twice in a while."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from trader.core.notices import Level, Notice, Topic
from trader.jobs.outlets import NoticeRules

_LEVELS = list(Level)
_LASTING = {
    Topic.RUN_FAILED,
    Topic.MISSED,
    Topic.UNEXPLAINED,
    Topic.EXECUTION_GAP,
    Topic.TRAINING_FAILED,
    Topic.DRIFT,
    Topic.SKEW,
    Topic.TRACKER,
}
"""What comes again in every run until it is mended, with other figures each time; everything else happens once."""
_FIGURE = re.compile(r"\S*\d\S*")
_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The notices that go out now, and when each kind last went out if they do."""

    notices: tuple[Notice, ...]
    sent: Mapping[str, datetime]


def due(notices: Iterable[Notice], *, sent: Mapping[str, datetime], now: datetime, rules: NoticeRules) -> Due:
    """Return which of these go out. `now` is market time, as are the times in `sent`.

    A time ahead of `now` counts for nothing: a clock that was wrong once must not keep anybody from being told.
    """
    going: list[Notice] = []
    known = {key: at for key, at in sent.items() if abs(now - at) < max(rules.repeat, _KEPT)}
    for notice in notices:
        key = kind_of(notice)
        last = known.get(key)
        if not _is_wanted(notice, rules) or (last is not None and timedelta(0) <= now - last < rules.repeat):
            continue
        going.append(notice)
        known[key] = now
    return Due(notices=tuple(going), sent=known)


def kind_of(notice: Notice) -> str:
    """Return the name under which a notice counts as said: for what lasts, its words without their figures."""
    words = _FIGURE.sub("#", notice.what) if notice.topic in _LASTING else f"{notice.at.isoformat()} {notice.what}"
    return f"{notice.topic}/{notice.symbol}/{sha256(words.encode()).hexdigest()[:12]}"


def _is_wanted(notice: Notice, rules: NoticeRules) -> bool:
    if notice.topic is Topic.DAILY:
        return rules.daily
    if notice.topic is Topic.RUN_DONE:
        return rules.success
    return _LEVELS.index(notice.level) >= _LEVELS.index(rules.level)
