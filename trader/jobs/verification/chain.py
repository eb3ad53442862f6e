"""The journal as a chain: every record in order, each beginning with the books of the one before it.

Where a record is gone or unreadable nobody knows the books that the next one began with. Its inputs are checked all the
same, its settlement and decision are not; from its own books the chain goes on.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from trader.core.decision import Reason
from trader.core.errors import BadConfig, BadData
from trader.core.journal import BotState, RunRecord
from trader.core.klines import Klines, interval_ms
from trader.jobs.bot import Desk
from trader.jobs.verification.contradictions import books_of
from trader.jobs.verification.differences import Cause, Difference, Mismatch
from trader.jobs.verification.judge import Stored, Today, Verdict, judge
from trader.jobs.verification.rederive import Evidence, ask_models, gather
from trader.ml.training import TrainedModel
from trader.store.journal import StoredRecord
from trader.store.ledger_rows import row_of

Found = tuple[datetime, StoredRecord | BadData | None]
"""A kline with what the journal has of it: its record, why that cannot be read, or nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """A completed record in the chain; `before` is None when nobody knows the books it began with."""

    record: RunRecord
    before: BotState | None
    again: tuple[Mismatch, ...]


class Chain:
    """The runs of one symbol on their way past. What was found stays in the attributes.

    `rows` are the ledger's, made from the records; `unfit` the klines whose records are unreadable or unfinished,
    `doubtful` those of completed records with differences; `newest` is the newest completed record that was seen.
    """

    def __init__(self, desk: Desk, *, klines: Klines, today: Today, previous: Found | None) -> None:
        self.differences: list[Difference] = []
        self.tally: Counter[str] = Counter()
        self.rows: list[Mapping[str, Any]] = []
        self.unfit: list[datetime] = []
        self.doubtful: set[datetime] = set()
        self.newest: RunRecord | None = None
        self._desk = desk
        self._klines = klines
        self._today = today
        self._step = timedelta(milliseconds=interval_ms(desk.bot.interval))
        self._models: dict[str, TrainedModel | None] = {}
        self._identities: set[str] = set()
        self._verdict = Verdict()
        self._books: BotState | None = BotState()
        self._covered: datetime | None = None
        if previous is not None:
            open_time, found = previous
            self._covered = open_time
            self._books = found.record.state if isinstance(found, StoredRecord) and found.is_completed else None

    def take(self, batch: Sequence[Found]) -> None:
        """Check the next records; the models are asked once for all of them."""
        links = [link for open_time, found in batch for link in self._links(open_time, found)]
        gathered = {number: self._gather(link) for number, link in enumerate(links)}
        numbers = [number for number, evidence in gathered.items() if evidence is not None]
        asked = ask_models([each for each in gathered.values() if each is not None])
        answered = dict(zip(numbers, asked, strict=True))
        for number, link in enumerate(links):
            self._judge(link, answered.get(number))

    def _links(self, open_time: datetime, found: StoredRecord | BadData | None) -> Iterator[_Link]:
        """Yield the record if it is completed; anything else ends what is known of the books."""
        if isinstance(found, StoredRecord) and found.is_completed:
            yield self._link(found.record)
            return
        if found is None or (isinstance(found, StoredRecord) and open_time > self._today.newest):
            self.tally["unfinished"] += int(found is not None)
        else:
            said = str(found) if isinstance(found, BadData) else found.record.status
            self._find(Mismatch(what="record", recorded=said, derived="a completed record"), at=open_time)
        self.unfit.append(open_time)
        self._books, self._covered = None, open_time

    def _link(self, record: RunRecord) -> _Link:
        open_time, books = record.key.open_time, books_of(record)
        first = record.missed_from or open_time
        again = [*self._seen_before(record)]
        if self._covered is None and books.paper.klines:
            self._find(Mismatch(what="journal", recorded="no records", derived="those before the first"), at=open_time)
            self._books = None
        elif self._covered is not None and first > self._covered + self._step:
            missing = f"records of all klines before {first:%Y-%m-%d %H:%M} UTC"
            self._find(Mismatch(what="journal", recorded="no record", derived=missing), at=self._covered + self._step)
            self._books = None
        elif first > open_time or (self._covered is not None and first <= self._covered):
            expected = self._covered + self._step if self._covered else None
            again.append(Mismatch(what="missed_from", recorded=record.missed_from, derived=expected))
        link = _Link(record=record, before=self._books, again=tuple(again))
        self._books, self._covered, self.newest = books, open_time, record
        return link

    def _seen_before(self, record: RunRecord) -> Iterator[Mismatch]:
        for number, leg in enumerate(record.legs):
            identity = leg.intent.client_order_id
            if identity in self._identities:
                yield Mismatch(what=f"legs[{number}]", recorded=f"sent as {identity} again", derived="an id of its own")
            self._identities.add(identity)

    def _gather(self, link: _Link) -> Evidence | None:
        record = link.record
        if record.inputs is None:
            return None
        model_id = record.inputs.model_id
        model = None if model_id is None else self._model(model_id, at=record.key.open_time)
        return gather(record, record.inputs, before=link.before, klines=self._klines, model=model)

    def _model(self, model_id: str, *, at: datetime) -> TrainedModel | None:
        """Return a model, None when it cannot be had, which is said once."""
        if model_id not in self._models:
            try:
                self._models[model_id] = self._desk.models.load(model_id)
            except (BadConfig, BadData) as error:
                self._models[model_id] = None
                lost = Mismatch(what="inputs.model_id", recorded=model_id, derived=str(error))
                self.differences.append(lost.caused_by(Cause.DATA, open_time=at))
        return self._models[model_id]

    def _judge(self, link: _Link, evidence: Evidence | None) -> None:
        self._verdict = judge(
            link.record,
            evidence,
            before=link.before,
            earlier=self._verdict,
            today=self._today,
            again=link.again,
        )
        self.differences += self._verdict.differences
        self.doubtful |= {each.open_time for each in self._verdict.differences}
        self.rows.append(row_of(link.record))
        self.tally += self._counted(link.record, evidence)

    def _counted(self, record: RunRecord, evidence: Evidence | None) -> Counter[str]:
        reason, stored = record.decision.reason if record.decision else None, self._verdict.klines
        recorded = evidence.inputs.p_up if evidence is not None else None
        return Counter(
            runs=1,
            probabilities=int(recorded is not None),
            bitwise_equal=int(evidence is not None and recorded is not None and evidence.p_today == recorded),
            missed=int(self.rows[-1]["missed"]),
            gaps=int(record.missed_from is not None),
            filled=int(reason is Reason.FILLED_KLINE),
            orders=len(record.legs),
            revised=int(evidence is not None and stored is Stored.REVISED),
            unchecked=int(evidence is not None and (evidence.is_lost or stored is Stored.MISSING)),
        )

    def _find(self, mismatch: Mismatch, *, at: datetime) -> None:
        self.differences.append(mismatch.caused_by(Cause.RECORD, open_time=at))
