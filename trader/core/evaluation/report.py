"""One stream judged from all sides: what a training or a walk-forward backtest shows, and what is kept of it."""

from dataclasses import dataclass
from datetime import datetime

from trader.core.accounting import Costs
from trader.core.errors import BadData
from trader.core.evaluation.baselines import COINS, NoSkill, no_skill
from trader.core.evaluation.bootstrap import DRAWS, Uncertainty, uncertainty
from trader.core.evaluation.calibration import Calibration, calibrate
from trader.core.evaluation.luck import Luck, TrialsInfo, assess
from trader.core.evaluation.metrics import Metrics, measure
from trader.core.evaluation.overfitting import Overfitting
from trader.core.evaluation.periods import Calendar, Period, by_period
from trader.core.evaluation.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Everything known about the rows from `first` to `last` (open times), at `costs`; None where undefined.

    `calibration` is None for a stream without probabilities or labels; `overfitting` where no search was handed in.
    `evidence` says in words when there are too few round trips to conclude anything, and is empty otherwise.
    """

    interval: str
    first: datetime
    last: datetime
    costs: Costs
    evidence: str
    metrics: Metrics
    no_skill: NoSkill
    uncertainty: Uncertainty
    luck: Luck
    calibration: Calibration | None
    overfitting: Overfitting | None
    by_year: tuple[Period, ...]
    by_month: tuple[Period, ...]


def evaluate_stream(
    stream: Stream,
    *,
    costs: Costs,
    seed: int,
    trials: TrialsInfo | None = None,
    overfitting: Overfitting | None = None,
    coins: int = COINS,
    draws: int = DRAWS,
) -> Evaluation:
    """Return the evaluation of a stream; `trials` and `overfitting` belong to the search that selected it, if one did.

    `costs` are what the baselines pay; the stream has paid its own. Raises BadData for fewer than two rows.
    """
    if len(stream) < 2:  # noqa: PLR2004 - nothing can be said about one hour
        raise BadData(f"a stream of {len(stream)} {stream.interval} rows cannot be evaluated; at least 2 are needed")
    metrics = measure(stream)
    p_up, labels = stream.p_up, stream.labels
    return Evaluation(
        interval=stream.interval,
        first=stream.first,
        last=stream.last,
        costs=costs,
        evidence=metrics.evidence,
        metrics=metrics,
        no_skill=no_skill(stream, costs=costs, seed=seed, count=coins),
        uncertainty=uncertainty(stream.net, interval=stream.interval, seed=seed, draws=draws),
        luck=assess(stream.net, trials=trials),
        calibration=None if p_up is None or labels is None else calibrate(p_up, labels),
        overfitting=overfitting,
        by_year=by_period(stream, Calendar.YEAR),
        by_month=by_period(stream, Calendar.MONTH),
    )
