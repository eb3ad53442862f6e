"""The backtest, computed again in plain loops, and cut off at any hour without a change before it."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.builders import HOUR, START, random_klines, without
from trader.core.accounting import Costs, cumulative
from trader.core.decision import DecisionRule, Exit, Reason, Sizing
from trader.core.errors import BadData
from trader.core.indicators import WARM_UP, compute_indicators
from trader.core.klines import fill_gaps
from trader.core.policy import TriggerPolicy
from trader.core.risk import Control, ControlMode, OnHalt, RiskLimits
from trader.core.strategy import Rules
from trader.ml.backtest import backtest
from trader.ml.recipe import Recipe
from trader.ml.training import train_model

RECIPE = Recipe(
    features=("ma_5", "rsi_7"), look_back_days=30, rounds=10, params={"max_depth": 3, "learning_rate": 0.3}, seed=1
)
KLINES = random_klines(2200, seed=21)
SPLIT = START + 1800 * HOUR
END = START + 2200 * HOUR
BAND, FEE, SLIPPAGE = 0.02, 0.001, 0.0002
RULES = Rules(
    decision=DecisionRule(
        band=BAND, exit=Exit.OPPOSITE, allow_short=True, min_volatility=0.0, min_volume_ratio=0.0,
        sizing=Sizing.FIXED, target_volatility=0.005,
    ),
    costs=Costs(fee_rate=FEE, slippage_rate=SLIPPAGE),
    risk=RiskLimits(max_loss=0.0, max_drawdown=0.0, range_margin=1e9, model_max_age=timedelta(days=365)),
    trigger=TriggerPolicy(window=168, threshold=-0.05, min_runs=72, cooldown=timedelta(hours=168)),
)  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return train_model(KLINES.between(START, SPLIT), symbol="BTCUSDT", recipe=RECIPE, now=START, versions={})


def with_risk(**changes):
    return replace(RULES, risk=replace(RULES.risk, **changes))


def run(model, klines=KLINES, *, rules=RULES, start=SPLIT, end=END, **changes):
    return backtest(klines, model=model, rules=rules, start=start, end=end, **changes)


def plain_exposures(p_up, filled=()):
    """The rule with a band and no exit, in its plainest form."""
    held, exposures = 0.0, []
    for hour, p in enumerate(p_up):
        if hour not in filled:
            held = 1.0 if p >= 0.5 + BAND else -1.0 if p <= 0.5 - BAND else held
        exposures.append(held)
    return exposures


def plain_returns(exposures, closes):
    gross, net, before = [], [], 0.0
    for hour in range(len(closes) - 1):
        gross.append(exposures[hour] * (closes[hour + 1] / closes[hour] - 1.0))
        net.append(gross[-1] - (FEE + SLIPPAGE) * abs(exposures[hour] - before))
        before = exposures[hour]
    return gross, net


def test_every_hour_is_what_plain_loops_say(model):
    result = run(model)
    rows = compute_indicators(KLINES, RECIPE.features)[1800:]
    p_up = [float(model.classifier.probabilities(rows[hour : hour + 1])[0]) for hour in range(400)]
    exposures = plain_exposures(p_up)
    gross, net = plain_returns(exposures, KLINES.close[1800:].tolist())
    assert result.p_up.tolist() == p_up
    assert result.exposure.tolist() == exposures
    assert result.gross.tolist() == gross
    assert result.net.tolist() == net
    assert set(exposures) >= {-1.0, 1.0}
    assert (len(result.net), len(result.exposure), len(result.reasons)) == (399, 400, 400)
    assert {reason.value for reason in result.reasons} == {"long-signal", "short-signal", "inside-band"}


def test_the_columns_lie_on_the_wanted_klines(model):
    result = run(model, start=SPLIT + HOUR, end=SPLIT + 11 * HOUR)
    wanted = KLINES.between(SPLIT + HOUR, SPLIT + 11 * HOUR)
    assert result.open_time.tolist() == wanted.open_time.tolist()
    assert result.close.tolist() == wanted.close.tolist()
    assert (result.interval, len(result.reasons)) == ("1h", 10)


def test_the_book_and_the_figures_are_the_sums_of_the_hours(model):
    result = run(model)
    figures = result.performance()
    assert result.book.klines == figures.klines == 399
    running = cumulative(result.gross)[-1], cumulative(result.net)[-1]  # sum() adds otherwise from Python 3.12 on
    assert (result.book.gross, result.book.net) == running
    assert (figures.gross, figures.net) == (result.book.gross, result.book.net)
    turnover = sum(
        abs(after - before) for before, after in zip([0.0, *result.exposure[:-2]], result.exposure[:-1], strict=True)
    )
    assert figures.turnover == turnover > 2
    assert figures.costs == pytest.approx((FEE + SLIPPAGE) * turnover, rel=1e-9)


@pytest.mark.parametrize("hours", [1, 2, 57, 200, 399])
def test_cutting_off_the_future_changes_no_earlier_hour(model, hours):
    full = run(model)
    for cut in (run(model, KLINES[: 1800 + hours]), run(model, end=SPLIT + hours * HOUR)):
        assert cut.p_up.tolist() == full.p_up[:hours].tolist()
        assert cut.exposure.tolist() == full.exposure[:hours].tolist()
        assert cut.reasons == full.reasons[:hours]
        assert cut.net.tolist() == full.net[: hours - 1].tolist()


def test_another_future_changes_no_earlier_decision(model):
    full, hour = run(model), 100
    closes = KLINES.close.copy()
    closes[1800 + hour :] *= 1.5
    columns = {name: np.where(np.arange(2200) >= 1800 + hour, 1.5, 1.0) * getattr(KLINES, name)
               for name in ("open", "high", "low")}  # fmt: skip
    other = run(model, replace(KLINES, close=closes, **columns))
    assert other.exposure[:hour].tolist() == full.exposure[:hour].tolist()
    assert other.p_up[:hour].tolist() == full.p_up[:hour].tolist()
    assert other.net[: hour - 1].tolist() == full.net[: hour - 1].tolist()


def test_a_filled_hour_holds_whatever_is_held_and_its_return_is_settled(model):
    holes = [1810, 1811, 1850, 1999]
    filled = fill_gaps(without(KLINES, *holes))
    result = run(model, filled)
    hours = {hole - 1800 for hole in holes}
    exposures = plain_exposures(result.p_up.tolist(), filled=hours)
    gross, net = plain_returns(exposures, filled.close[1800:].tolist())
    assert result.exposure.tolist() == exposures
    assert (result.gross.tolist(), result.net.tolist()) == (gross, net)
    assert [hour for hour, reason in enumerate(result.reasons) if reason is Reason.FILLED_KLINE] == sorted(hours)
    assert np.flatnonzero(np.isnan(result.p_up)).tolist() == sorted(hours), "the model is not asked about them"


def test_hours_before_the_warm_up_are_flat_and_the_model_is_not_asked(model):
    result = run(model, start=START, end=START + (WARM_UP + 5) * HOUR)
    assert result.reasons[: WARM_UP - 1] == (Reason.WARM_UP,) * (WARM_UP - 1)
    assert Reason.WARM_UP not in result.reasons[WARM_UP - 1 :]
    assert np.isnan(result.p_up).tolist() == [True] * (WARM_UP - 1) + [False] * 6
    assert result.exposure[: WARM_UP - 1].tolist() == [0.0] * (WARM_UP - 1)
    assert result.net[: WARM_UP - 1].tolist() == [0.0] * (WARM_UP - 1)


def test_an_expired_model_and_a_feature_out_of_range_go_flat(model):
    expired = run(model, rules=with_risk(model_max_age=timedelta(hours=50)))
    kinds = [reason is Reason.MODEL_EXPIRED for reason in expired.reasons]
    assert kinds == [False] * 50 + [True] * 350  # the model's last kline is 1799, an hour before the first decision
    assert set(expired.exposure[50:]) == {0.0}
    narrow = replace(model, card=replace(model.card, feature_low=(0.999, 40.0), feature_high=(1.001, 60.0)))
    result = run(narrow, rules=with_risk(range_margin=0.5))
    rows = compute_indicators(KLINES, RECIPE.features)[1800:].tolist()
    outside = [not (0.998 <= ma <= 1.002 and 30.0 <= rsi <= 70.0) for ma, rsi in rows]
    assert [reason is Reason.OUT_OF_RANGE for reason in result.reasons] == outside
    assert 0 < sum(outside) < 400


def test_a_loss_limit_stops_for_good_or_is_only_marked(model):
    free = run(model)
    running, reached = 0.0, None
    for hour, net in enumerate(free.net.tolist()):
        running += net
        if running <= -0.03:
            reached = hour + 1  # the loss of an hour is known at the close of the next one
            break
    assert reached is not None
    stopped = run(model, rules=with_risk(max_loss=0.03))
    assert stopped.exposure[:reached].tolist() == free.exposure[:reached].tolist()
    assert set(stopped.exposure[reached:]) == {0.0}
    assert set(stopped.reasons[reached:]) == {Reason.HALTED}
    assert [mark.at for mark in stopped.marks] == [SPLIT + reached * HOUR]
    assert stopped.book.halt == stopped.marks[0]
    marked = run(model, rules=with_risk(max_loss=0.03, on_halt=OnHalt.MARK))
    assert marked.exposure.tolist() == free.exposure.tolist()
    assert marked.net.tolist() == free.net.tolist()
    assert marked.marks[0].at == stopped.marks[0].at
    assert (len(marked.marks) > 1, marked.book.halt) == (True, None)


def test_the_operators_switch_is_obeyed(model):
    result = run(model, control=Control(mode=ControlMode.HALT, sequence=1))
    assert set(result.exposure) == {0.0}
    assert set(result.reasons) == {Reason.CONTROL_HALT}
    assert result.book.net == 0.0


def test_a_range_without_klines_is_refused(model):
    for start, end in ((END, END + HOUR), (SPLIT, SPLIT), (SPLIT, SPLIT - HOUR)):
        with pytest.raises(BadData, match=r"there are no klines from .* UTC; ingest them first"):
            run(model, start=start, end=end)


def test_a_single_hour_is_decided_and_not_settled(model):
    result = run(model, end=SPLIT + HOUR)
    assert (len(result.exposure), len(result.net), result.performance().klines) == (1, 0, 0)
