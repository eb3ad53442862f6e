"""What one run writes down: its key, what the decision rested on, what was sent and filled, and the books after it.

The journal of these records is the only truth; state and ledger are copies that can be rebuilt from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trader.core.accounting import ExecutionBook, HourReturn
from trader.core.decision import Decision
from trader.core.orders import ZERO, ExecutionReport, NotSent, OrderIntent
from trader.core.policy import Trigger
from trader.core.risk import Control, Halt
from trader.core.strategy import PaperBook, Rules
from trader.core.training import FinishedTraining

SCHEMA = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKey:
    """One bot, one symbol, one interval, one closed kline."""

    bot_id: str
    symbol: str
    interval: str
    open_time: datetime

    def __str__(self) -> str:
        return f"{self.symbol} {self.interval} {self.open_time:%Y-%m-%d %H:%M} UTC"


class Origin(StrEnum):
    """How the hours were lived through: one by one as they closed, or replayed from the past."""

    LIVE = "live"
    REPLAY = "replay"


class Status(StrEnum):
    """How far a run has come. Only `completed` is a commit; the others are resumed by the next process."""

    CLAIMED = "claimed"
    DECIDED = "decided"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """What one symbol may use of the account since the start of its epoch: base units to sell, quote units to spend."""

    base: Decimal
    quote: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BotState:
    """Both books after a run, and what the symbol may use of the account in this epoch.

    An epoch begins when the account is first used, and again after a reset of it. `opening` is what the account held
    of the symbol's assets then, by asset; `last_filled` the newest order of the epoch of which something was filled.
    """

    paper: PaperBook = field(default_factory=PaperBook)
    execution: ExecutionBook = field(default_factory=ExecutionBook)
    allocation: Allocation | None = None
    epoch: int = 1
    opening: Mapping[str, Decimal] = field(default_factory=dict)
    last_filled: OrderIntent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the decision rested on: enough to make it again.

    `features` are the model's inputs by name (empty when there was no row); `klines_digest` is over the window of
    `klines` rows that ends with the run's own kline. `price` is the close that was used. `model_last` is the newest
    kline that the model has seen, `trained` the newest finished training; older records have neither.
    """

    model_id: str | None
    klines: int
    klines_digest: str
    window_start: datetime | None
    price: float
    features: Mapping[str, float]
    volatility: float | None
    volume_ratio: float | None
    p_up: float | None
    control: Control
    model_last: datetime | None = None
    trained: FinishedTraining | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One order of a run: written before it is sent, completed with what the exchange reported, or why it was not.

    `refused` are the exchange's words; `is_absent` says that the exchange never took an order of this id and never
    will, `is_wiped` that it does not know it because the account was reset.
    """

    intent: OrderIntent
    report: ExecutionReport | None = None
    refused: str | None = None
    is_absent: bool = False
    is_wiped: bool = False

    @property
    def is_open(self) -> bool:
        """Tell whether its outcome is not known yet: the exchange has to be asked before anything else is sent."""
        return self.report is None and self.refused is None and not self.is_void

    @property
    def is_void(self) -> bool:
        """Tell whether the exchange has no such order, so that another attempt, under another id, may be made."""
        return self.is_absent or self.is_wiped


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """The journal's record of one run. The optional parts are there once the run has come that far.

    `rules` and `notional` (quote units) are what it was decided by. `state` holds the books after the run (before the
    order's fills while the status is `decided`). `timings` are seconds from the start of the run to the end of each
    stage, and `started` on the machine's monotonic clock.

    A record with `missed_from` stands for all klines from there to its own: the bot was away. `new_epoch` says why the
    account was begun anew in this run, `unexplained` what it holds that our own fills do not explain, so that nothing
    was sent. `seal` is a hash of everything else in a completed record: whoever edits it by hand breaks it.
    """

    schema: int = SCHEMA
    key: RunKey
    mode: str
    origin: Origin
    status: Status
    owner: str
    started_at: datetime
    completed_at: datetime | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    rules: Rules | None = None
    notional: Decimal | None = None
    inputs: Inputs | None = None
    settled: tuple[HourReturn, ...] = ()
    marks: tuple[Halt, ...] = ()
    decision: Decision | None = None
    trigger: Trigger | None = None
    legs: tuple[Leg, ...] = ()
    not_sent: NotSent | None = None
    gap: Decimal = ZERO
    missed_from: datetime | None = None
    new_epoch: str | None = None
    unexplained: tuple[str, ...] = ()
    state: BotState | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    seal: str = ""
