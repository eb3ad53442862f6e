"""What the bot's journal says about a deployment: has the new commit run, and is the bot halted since.

The journal is the only truth about runs (docs/operating.md): one JSON object a symbol and hour, in the bucket,
`PREFIX/journal/BTCUSDT/1h/2026/11/20T1600.json`. It is read here without the bot's own code: a deployment must be able
to judge a version that is newer or older than itself.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from scripts.deploy_aws import Aws, Refused

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LOOK_BACK = timedelta(days=2)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """Why a bot does not trade, and since when: the operator's switch, or a kline whose return reached a loss limit."""

    why: str
    at: datetime
    by_operator: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record: whose commit wrote it, when it was completed (None: not yet), and what it decided in time."""

    key: str
    commit: str
    completed_at: datetime | None
    is_missed: bool
    reason: str
    halts: tuple[Halted, ...]


@dataclass(slots=True, kw_only=True)
class Journal:
    """The records of one symbol; completed ones never change, so each is read once."""

    aws: Aws
    bucket: str
    prefix: str
    symbol: str
    interval: str
    _kept: dict[str, Entry] = field(default_factory=dict)

    def entries(self, *, since: datetime, until: datetime) -> Iterator[Entry]:
        """Yield the records of the klines that closed in that time, and of the last one before it, newest first.

        The days are listed before they are read: asking for a key that is not there would take the right to list
        the whole bucket.
        """
        step = _length(self.interval)
        begin = since - (since - _EPOCH) % step - step
        first, last = f"{begin:%Y/%m/%dT%H%M}", f"{until:%Y/%m/%dT%H%M}"
        day = until
        while f"{day:%Y/%m/%d}" >= first[:10]:
            folder = f"{self.prefix}journal/{self.symbol}/{self.interval}/"
            for key in sorted(self._keys(f"{folder}{day:%Y/%m/%d}T"), reverse=True):
                if first <= key.removeprefix(folder).removesuffix(".json") <= last:
                    yield self._read(key)
            day -= timedelta(days=1)

    def last_before(self, moment: datetime) -> Entry | None:
        """Return the newest run that was completed before that time, if it was in the two days before."""
        for entry in self.entries(since=moment - _LOOK_BACK, until=moment):
            if entry.completed_at is not None and entry.completed_at < moment:
                return entry
        return None

    def is_older(self, halt: Halted, *, began: datetime) -> bool:
        """Tell whether a halt was in force before the deployment began.

        What the operator said is dated. A reached limit counts as old when the last run before had it already; its
        kline alone proves nothing, as the new version may be the one that settled that hour.
        """
        if halt.by_operator:
            return halt.at < began
        last = self.last_before(began)
        return halt.at + _length(self.interval) <= began if last is None else halt in last.halts

    def _keys(self, prefix: str) -> list[str]:
        page = self.aws.call("s3", "list_objects_v2", Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for each in page.get("Contents", ())]

    def _read(self, key: str) -> Entry:
        if key in self._kept:
            return self._kept[key]
        entry = parse(self.aws.read(self.bucket, key), key=key)
        if entry.completed_at is not None:
            self._kept[key] = entry
        return entry


def journals(aws: Aws, *, url: str, symbols: str, interval: str) -> list[Journal]:
    """Return the journals of a store, `s3://BUCKET/PREFIX`, one a symbol (comma joined)."""
    place = url.removeprefix("s3://")
    if place == url or not place:
        raise Refused(f"the bot's storage is {url!r}, not s3://BUCKET/PREFIX: set it in infra/bot.yml")
    bucket, _, prefix = place.partition("/")
    prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    names = [name.strip() for name in symbols.split(",") if name.strip()]
    return [Journal(aws=aws, bucket=bucket, prefix=prefix, symbol=name, interval=interval) for name in names]


def parse(data: bytes, *, key: str) -> Entry:
    """Return what matters of a record. Raises Refused when it is not one."""
    try:
        record: dict[str, Any] = json.loads(data)
        decision, paper = record.get("decision") or {}, ((record.get("state") or {}).get("paper")) or {}
        return Entry(
            key=key,
            commit=(record.get("versions") or {}).get("commit", ""),
            completed_at=_time(record["completed_at"]) if record["status"] == "completed" else None,
            is_missed=decision.get("reason") == "missed" or record.get("missed_from") is not None,
            reason=decision.get("reason", ""),
            halts=tuple(_halts(paper, (record.get("inputs") or {}).get("control") or {})),
        )
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise Refused(
            f"{key} is not a record of this bot's journal ({error}); look at it with trader verify"
        ) from error


def _halts(paper: dict[str, Any], control: dict[str, Any]) -> Iterator[Halted]:
    if halt := paper.get("halt"):
        words = f"a loss limit was reached in the hour from {halt['at']}: {halt['why']}"
        yield Halted(why=words, at=_time(halt["at"]), by_operator=False)
    if control.get("mode") == "halt":
        words = f"the operator ({control['who']}) halted it at {control['at']}: {control['why']}"
        yield Halted(why=words, at=_time(control["at"]), by_operator=True)


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _length(interval: str) -> timedelta:
    number, unit = interval[:-1], interval[-1:]
    if not number.isdigit() or unit not in _UNITS:
        raise Refused(f"the interval {interval!r} is none that the bot knows; write 1h in infra/deploy.toml")
    return timedelta(**{_UNITS[unit]: int(number)})
