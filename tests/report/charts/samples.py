"""Summaries and importances that look like a bot's, the same on every machine."""

from datetime import UTC, datetime, timedelta

import numpy as np

from trader.core.decomposition import Decomposition
from trader.core.evaluation.calibration import wilson
from trader.ml.importance import ColumnImportance, Importance
from trader.report.summary.model import (
    CalibrationBins,
    Curves,
    Mark,
    MarkKind,
    Now,
    Summary,
    Totals,
)

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
HOUR_MS = 3_600_000
NASTY = '<script>alert("x")</script> & $x_1$ <b>'


def at(hours: float) -> datetime:
    return FIRST + timedelta(hours=hours)


def now(hours: int) -> Now:
    return Now(
        open_time=at(hours),
        outcome="decided",
        reason="long-signal",
        exposure=1.0,
        p_up=0.55,
        close=40_000.0,
        model_id="m",
        halt=None,
        control="run",
        trigger_sum=0.01,
        due_to=None,
        epoch=1,
        position=0.01,
        target=0.01,
        off_target=False,
        unexplained=None,
        not_sent=None,
        training=1,
        training_outcome="promoted",
    )


def curves(points: int, *, recent: int = 1440, seed: int = 0) -> Curves:
    """So many points, the newest `recent` of them an hour apart, the others a day."""
    rng = np.random.default_rng(seed)
    recent = min(points, recent)
    days = points - recent
    hours = np.concatenate([np.arange(days) * 24.0, days * 24.0 + np.arange(recent)])
    scale = np.sqrt(np.diff(hours, append=hours[-1:] + 1))
    close = 40_000 * np.exp(np.cumsum(rng.normal(0, 0.004, points) * scale))
    exposure = np.where(
        np.sin(np.arange(points) / 6) > 0.3, 1.0, np.where(np.sin(np.arange(points) / 6) < -0.6, -1.0, 0)
    )
    gross = np.cumsum(np.concatenate([[0.0], exposure[:-1] * np.diff(close) / close[:-1]])[:points])
    net = gross - 0.0004 * np.cumsum(np.abs(np.diff(exposure, prepend=0)))
    causes = {
        "rebalancing": np.cumsum(rng.normal(0, 0.08, points)),
        "unfilled": np.cumsum(rng.normal(0, 0.03, points)),
        "basis": np.cumsum(rng.normal(0.01, 0.04, points)),
        "shortfall": np.cumsum(np.abs(rng.normal(0, 0.02, points))),
        "fees": np.cumsum(rng.normal(-0.005, 0.001, points)),
    }
    counted = np.minimum(np.arange(points), 336)
    rates = np.clip(0.5 + np.cumsum(rng.normal(0, 0.002, points)), 0.35, 0.65)
    intervals = [
        (None, None, None) if not n else (float(r), *wilson(float(r) * n, int(n)))
        for r, n in zip(rates, counted, strict=True)
    ]
    rate, low, high = zip(*intervals, strict=True)
    seconds = 2.5 + rng.gamma(2, 0.6, points)
    return Curves(
        time=tuple(int(FIRST.timestamp() * 1000 + hour * HOUR_MS) for hour in hours),
        net=tuple(net.tolist()),
        gross=tuple(gross.tolist()),
        hold=tuple((close / close[0] - 1).tolist()),
        drawdown=tuple((np.maximum.accumulate(np.maximum(net, 0)) - net).tolist()),
        execution=tuple((500 * net - sum(causes.values())).tolist()),
        close=tuple(None if n % 97 == 5 else float(price) for n, price in enumerate(close)),
        exposure=tuple(exposure.tolist()),
        p_up=tuple((0.5 + 0.1 * np.sin(np.arange(points) / 6) + rng.normal(0, 0.02, points)).tolist()),
        hit_rate=rate,
        hit_low=low,
        hit_high=high,
        **{name: tuple(values.tolist()) for name, values in causes.items()},
        order_seconds=tuple(float(s) if n % 3 == 0 else None for n, s in enumerate(seconds)),
        seconds=tuple((seconds + 0.4).tolist()),
    )


def marks(points: int, *, hours: float) -> tuple[Mark, ...]:
    """Trainings with promotions, a halt, a limit, a new account and absences, over so many hours."""
    found = [Mark(at=at(hours * share), kind=MarkKind.TRAINING, text="study s") for share in (0.1, 0.35, 0.6, 0.85)]
    found += [Mark(at=at(hours * share), kind=MarkKind.PROMOTION, text=f"m{share} {NASTY}") for share in (0.1, 0.6)]
    found += [
        Mark(at=at(hours * 0.4), kind=MarkKind.HALT, text="a loss limit was reached"),
        Mark(at=at(hours * 0.4), kind=MarkKind.LIMIT, text="-20 %"),
        Mark(at=at(hours * 0.45), kind=MarkKind.RESUME, text="resumed"),
        Mark(at=at(hours * 0.7), kind=MarkKind.EPOCH, text="the testnet was reset"),
        Mark(at=at(hours * 0.2), kind=MarkKind.ABSENCE, text="3 klines"),
        Mark(at=at(hours * 0.25), kind=MarkKind.ABSENCE, text="1 kline"),
    ]
    return tuple(sorted(found, key=lambda mark: mark.at)) if points > 1 else ()


def summary(points: int = 2500, *, seed: int = 0, **changes: object) -> Summary:
    """A summary of a bot that has run `points` points; of 0 or 1 it has nothing settled."""
    drawn = curves(points, seed=seed) if points else Curves()
    rng = np.random.default_rng(seed)
    hours = (drawn.time[-1] - drawn.time[0]) // HOUR_MS if points else 0
    settled = hours if points > 1 else 0
    exposed = settled // 2
    histogram, _ = np.histogram(
        np.clip(rng.standard_t(3, exposed) * 0.004, -0.0499, 0.0499), np.linspace(-0.05, 0.05, 101)
    )
    p_up = np.clip(rng.normal(0.5, 0.09, settled), 0.01, 0.99)
    ups = rng.random(settled) < 0.5 + 0.4 * (p_up - 0.5)
    place = np.minimum((p_up * 10).astype(int), 9)
    causes = (
        {name: getattr(drawn, name)[-1] for name in ("rebalancing", "unfilled", "basis", "shortfall", "fees")}
        if points
        else {}
    )
    values: dict[str, object] = {
        "bot_id": "bot",
        "mode": "paper",
        "symbol": "BTCUSDT",
        "interval": "1h",
        "notional": 500.0,
        "fee_rate": 0.001,
        "slippage_rate": 0.0,
        "first": FIRST,
        "first_close": 40_000.0,
        "now": now(hours),
        "totals": Totals(
            runs=hours + 1 if points else 0,
            klines=hours + 1 if points else 0,
            settled=settled,
            missed=4,
            filled=exposed // 20,
            orders=exposed // 19,
            net=drawn.net[-1] if points else 0.0,
            gross=drawn.gross[-1] if points else 0.0,
            max_drawdown=1.1 * max(drawn.drawdown, default=0.0),
            hits=round(0.513 * exposed),
            exposed=exposed,
            round_trips=settled // 40,
            decomposition=Decomposition(**causes),
        ),
        "curves": drawn,
        "returns": tuple(histogram.tolist()),
        "calibration": CalibrationBins(
            count=tuple(np.bincount(place, minlength=10).tolist()),
            p_sum=tuple(np.bincount(place, weights=p_up, minlength=10).tolist()),
            ups=tuple(np.bincount(place, weights=ups, minlength=10).astype(int).tolist()),
            brier=float(((p_up - ups) ** 2).sum()),
        ),
        "marks": marks(points, hours=hours),
    }
    return Summary(**(values | changes))


COLUMNS = ("ma5", "ma10", "ma15", "ma20", "rsi7", "mfi7", "rsi14", "mfi14", "rsi21", "mfi21")


def importance() -> Importance:
    rng = np.random.default_rng(1)
    gains = rng.dirichlet(np.ones(len(COLUMNS)))
    losses = rng.normal(0.0004, 0.0004, len(COLUMNS))
    return Importance(
        columns=tuple(
            ColumnImportance(name=name, gain=float(gain), log_loss=float(loss), net=0.01)
            for name, gain, loss in zip(COLUMNS, gains, losses, strict=True)
        ),
        folds=12,
        hours=8640,
    )
