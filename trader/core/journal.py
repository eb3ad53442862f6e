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

SCHEMA = 1


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
    """Both books after a run, and what the symbol may use of the account in this epoch."""

    paper: PaperBook = field(default_factory=PaperBook)
    execution: ExecutionBook = field(default_factory=ExecutionBook)
    allocation: Allocation | None = None
    epoch: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the decision rested on: enough to make it again.

    `features` are the model's inputs by name (empty when there was no row); `klines_digest` is over the window of
    `klines` rows that ends with the run's own kline. `price` is the close that was used.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One order of a run: written before it is sent, completed with what the exchange reported, or why it was not.

    `refused` are the exchange's words; `is_absent` says that the exchange never had an order of this id.
    """

    intent: OrderIntent
    report: ExecutionReport | None = None
    refused: str | None = None
    is_absent: bool = False

    @property
    def is_open(self) -> bool:
        """Tell whether its outcome is not known yet: the exchange has to be asked before anything else is sent."""
        return self.report is None and self.refused is None and not self.is_absent


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """The journal's record of one run. The optional parts are there once the run has come that far.

    `rules` and `notional` (quote units) are what it was decided by. `state` holds the books after the run (before the
    order's fills while the status is `decided`). `timings` are seconds from the start of the run to the end of each
    stage, and `started` on the machine's monotonic clock.
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
    state: BotState | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
