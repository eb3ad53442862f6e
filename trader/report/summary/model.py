"""What a summary holds. Values only; columns are tuples of equal length, None where a run has no value.

A summary made run by run equals the one made from the whole ledger at once, bit for bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trader.core.decomposition import Decomposition, Held

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a ledger does not say about itself; a summary is made with one and goes on with no other.

    `notional` is in quote units: all runs are shown as fractions of it, also those of another notional.
    """

    bot_id: str
    mode: str
    symbol: str
    interval: str
    notional: float
    fee_rate: float
    slippage_rate: float


class MarkKind(StrEnum):
    """What is marked on the curves."""

    TRAINING = "training"
    PROMOTION = "promotion"
    EPOCH = "epoch"
    HALT = "halt"
    RESUME = "resume"
    LIMIT = "limit"
    ABSENCE = "absence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened in the run of a kline; `text` may come from a person and is no HTML."""

    at: datetime
    kind: MarkKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """Where the bot stands after its newest run. `trigger_sum` as in `core/policy.Trigger`, prices in quote units.

    `halt` says why trading is suspended, None when it is not; `control` is what the operator last said; `due_to` is
    None when no training is due. It is `off_target` when the position is short of the target by more than 1 % of the
    notional. A run that saw nothing (a missed hour) has no p(up), close and trigger; model, control, epoch, training
    and books are then those of the run before.
    """

    open_time: datetime
    outcome: str
    reason: str
    exposure: float
    p_up: float | None
    close: float | None
    model_id: str | None
    halt: str | None
    control: str
    trigger_sum: float | None
    due_to: str | None
    epoch: int | None
    position: float | None
    target: float | None
    off_target: bool
    unexplained: str | None
    not_sent: str | None
    training: int | None
    training_outcome: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums and counts over all runs. Returns are fractions of the notional, `fees` and `execution` quote units.

    `net_squares` is the sum of squared net returns of settled rows, `settled` their number, for the Sharpe ratio;
    `klines` counts settled klines, of which an absence has several in one row. `growth` is the product of 1 + net,
    `peak` the highest sum of net returns so far (the start counts as 0). `hits` and `exposed` are for the hit rate,
    over scorable rows as in `core/performance`; `missed` counts klines; `turnover` leaves out the newest change, which
    has earned nothing yet; `orders` counts runs that sent one; `off_target` is as in `Now`. `fees` and `execution` are
    the newest known.
    """

    runs: int = 0
    klines: int = 0
    settled: int = 0
    missed: int = 0
    filled: int = 0
    orders: int = 0
    off_target: int = 0
    net: float = 0.0
    gross: float = 0.0
    net_squares: float = 0.0
    growth: float = 1.0
    peak: float = 0.0
    max_drawdown: float = 0.0
    hits: int = 0
    exposed: int = 0
    turnover: float = 0.0
    round_trips: int = 0
    fees: float = 0.0
    execution: float = 0.0
    decomposition: Decomposition = field(default_factory=Decomposition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """One point a run for the newest 60 days, and before them the last run of each UTC day; to be looked at.

    Values are rounded: fractions to 6 decimals, rates to 4, quote units to about a millionth of the notional. `time` is
    the open time of the run's kline in milliseconds UTC (its values hold from the close on). `net`, `gross`, `hold`,
    `drawdown` are fractions of the notional since the first run; `execution` and the five parts of the decomposition
    (cumulative) are quote units; `hit_rate` is over the last 336 exposed scorable runs, with its 95 % Wilson interval;
    `order_seconds` and `seconds` are from the run's start to its order and to its commit.
    """

    time: tuple[int, ...] = ()
    net: tuple[float, ...] = ()
    gross: tuple[float, ...] = ()
    hold: tuple[float | None, ...] = ()
    drawdown: tuple[float, ...] = ()
    execution: tuple[float | None, ...] = ()
    close: tuple[float | None, ...] = ()
    exposure: tuple[float, ...] = ()
    p_up: tuple[float | None, ...] = ()
    hit_rate: tuple[float | None, ...] = ()
    hit_low: tuple[float | None, ...] = ()
    hit_high: tuple[float | None, ...] = ()
    rebalancing: tuple[float, ...] = ()
    unfilled: tuple[float, ...] = ()
    basis: tuple[float, ...] = ()
    shortfall: tuple[float, ...] = ()
    fees: tuple[float, ...] = ()
    order_seconds: tuple[float | None, ...] = ()
    seconds: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBins:
    """Ten equal bins of p(up): how many scored predictions, the sum of their p, and how many went up.

    A prediction is scored once the close `horizon` klines later is known, and never when a kline on the way was filled
    or that close was not seen; `brier` is the sum of squared errors. `pending` are those that are not scored yet: (open
    time in ms, p, close, horizon).
    """

    count: tuple[int, ...] = (0,) * 10
    p_sum: tuple[float, ...] = (0.0,) * 10
    ups: tuple[int, ...] = (0,) * 10
    brier: float = 0.0
    pending: tuple[tuple[int, float, float, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything the first view shows of one symbol.

    `returns` counts net returns of exposed hours in bins of `RETURN_STEP` from -5 % to +5 %, the outer two being open;
    `reasons` and `months` count runs; `recent` holds the hits (1) and misses (0) that the rolling hit rate is over;
    `gaps` are the missing hours of the newest 90 days as (first, last) open times in ms; `first_close` is hold's start.
    `held` are both books after the newest run with a close, `exposure_before` what was held before the newest run: the
    next run goes on from them.
    """

    schema: int = SCHEMA
    bot_id: str
    mode: str
    symbol: str
    interval: str
    notional: float
    fee_rate: float
    slippage_rate: float
    first: datetime
    first_close: float | None
    now: Now
    totals: Totals = field(default_factory=Totals)
    curves: Curves = field(default_factory=Curves)
    returns: tuple[int, ...] = ()
    calibration: CalibrationBins = field(default_factory=CalibrationBins)
    marks: tuple[Mark, ...] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)
    months: Mapping[str, int] = field(default_factory=dict)
    recent: tuple[int, ...] = ()
    gaps: tuple[tuple[int, int], ...] = ()
    held: Held | None = None
    exposure_before: float = 0.0

    @property
    def setup(self) -> Setup:
        """What it was made with."""
        return Setup(
            bot_id=self.bot_id,
            mode=self.mode,
            symbol=self.symbol,
            interval=self.interval,
            notional=self.notional,
            fee_rate=self.fee_rate,
            slippage_rate=self.slippage_rate,
        )


RETURN_STEP = 0.001
RETURN_BINS = 102
RECENT_DAYS = 60
GAP_DAYS = 90
HIT_WINDOW = 336
MOST_MARKS = 500
