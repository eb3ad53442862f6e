"""The figures of an evaluation in words, each with what it means: returns, risk, no skill, chance.

Every table begins with what speaks against a figure: costs, round trips, what no skill would have earned.
`docs/evaluation.md` has the sources.
"""

from collections.abc import Iterator
from datetime import datetime

from trader.core.evaluation.bootstrap import ConfidenceInterval
from trader.core.evaluation.luck import Deflated
from trader.core.evaluation.report import Evaluation
from trader.core.klines import interval_ms
from trader.core.performance import YEAR_MS
from trader.report.tables import Table
from trader.report.text import percent

UNDEFINED = "-"
Row = tuple[str, str, str]


def figure_tables(found: Evaluation) -> list[Table]:
    """Return the tables that every evaluation has; of each row the cells are name, value and meaning."""
    return [
        _table("RESULT", result_rows(found)),
        _table("RISK", risk_rows(found)),
        _table("NO SKILL, at the same costs", no_skill_rows(found)),
        _table("CHANCE", chance_rows(found)),
    ]


def _table(title: str, rows: Iterator[Row]) -> Table:
    return Table(title=title, columns=("", "", ""), align="lrl", rows=tuple(rows))


def result_rows(found: Evaluation) -> Iterator[Row]:
    """Yield what was earned, what it cost, and whether that is evidence of anything."""
    metrics = found.metrics
    yield "net", percent(metrics.net), "sum of the returns on a fixed notional, after costs"
    yield "gross", percent(metrics.gross), "before costs"
    yield "costs", percent(-metrics.costs), str(found.costs)
    warning = " NO EVIDENCE" if found.evidence else ""
    yield "round trips", f"{metrics.round_trips:,}{warning}", found.evidence or "positions opened and left"
    yield "klines", f"{metrics.klines:,}", f"{_when(found.first)} to {_when(found.last)} UTC, {found.interval}"


def risk_rows(found: Evaluation) -> Iterator[Row]:
    """Yield what the return came with: annual ratios, drawdown, and what the round trips were like."""
    metrics = found.metrics
    yield "compounded", percent(metrics.compounded), "had everything been reinvested"
    yield "CAGR", _percent(metrics.cagr), "the same a year"
    yield "volatility", _share(metrics.volatility), "of the net returns, a year"
    yield "Sharpe", _number(metrics.sharpe), "mean net return / its deviation, a year"
    yield "Sortino", _number(metrics.sortino), "mean net return / root mean square of losses, a year"
    yield "Calmar", _number(metrics.calmar), "net a year / largest drawdown"
    yield "drawdown", percent(-metrics.drawdown.depth), "largest fall of the summed net returns from a peak"
    yield "drawdown from", _when(metrics.drawdown.peak), "UTC, the last peak before it"
    yield "drawdown to", _when(metrics.drawdown.trough), "UTC, the lowest point"
    yield "recovered", _when(metrics.drawdown.recovery), "UTC, the first time back at that peak"
    yield "exposed", _share(metrics.exposed), f"of the klines; mean size of the exposure {metrics.mean_exposure:.2f}"
    yield "turnover", f"{metrics.turnover:,.0f}", "times the notional"
    yield "hit rate", _share(metrics.hit_rate), "of exposed klines with a gain before costs"
    yield "winners", _share(metrics.winners), "of round trips with a gain after costs"
    yield "profit factor", _number(metrics.profit_factor), "gains / losses of the round trips, after costs"
    yield "expectancy", _percent(metrics.expectancy), "mean of a round trip, after costs"
    yield "best, worst", f"{_percent(metrics.best_hour)}, {_percent(metrics.worst_hour)}", "of all klines"


def no_skill_rows(found: Evaluation) -> Iterator[Row]:
    """Yield what strategies that know nothing would have earned on the same klines."""
    baselines = found.no_skill
    coins, sides = baselines.coins, baselines.sides
    yield "flat", percent(baselines.flat), "never traded"
    yield "hold", percent(baselines.hold), "bought once, the quantity kept"
    yield "always long", percent(baselines.always_long), "the notional kept: the measure of net"
    yield "always short", percent(baselines.always_short), "the same"
    yield "last sign", percent(baselines.last_sign), "goes with the last kline's return"
    yield "last sign, gross", percent(baselines.last_sign_gross), "before costs"
    yield f"{coins.count} coins", percent(coins.mean), "the same turnover on random sides; their mean"
    yield "coins, 5-95 %", f"{percent(coins.low)} to {percent(coins.high)}", ""
    yield "coins as good", _share(coins.at_least_as_good), "of the coins earned at least as much as the strategy"
    yield "sides, 5-95 %", f"{percent(sides.low)} to {percent(sides.high)}", "coins at the strategy's own hours"
    yield "sides as good", _share(sides.at_least_as_good), "of those earned at least as much as the strategy"


def chance_rows(found: Evaluation) -> Iterator[Row]:
    """Yield how far the result could have come out otherwise, and how much of it may be luck."""
    doubt, luck = found.uncertainty, found.luck
    level = f"{doubt.net.level:.0%}".replace("%", " %")
    how = f"block bootstrap: {doubt.draws:,} draws, blocks of {doubt.block:.0f} klines"
    yield f"net, {level}", _interval(doubt.net), how
    yield f"Sharpe, {level}", _ratio_interval(doubt.sharpe), "the same draws, a year"
    yield "draws at a loss", _share(doubt.loss_share), "share of them with a net sum of 0 or less"
    yield "PSR", _probability(luck.probability), "chance that the true Sharpe ratio is above 0"
    yield "record needed", _years(luck.needed, found), f"so long for a PSR of {luck.confidence:g}, at this Sharpe ratio"
    yield "record", _years(found.metrics.klines, found), "so long is this one"
    if luck.deflated is not None:
        yield from _deflated(luck.deflated)
    if found.overfitting is not None:
        tried = found.overfitting
        yield (
            "PBO",
            _share(tried.pbo),
            f"best of {tried.trials} in one half, in the other below the median",
        )
        yield "PBO, loss", _share(tried.loss), "of the best in one half lose in the other"


def _deflated(found: Deflated) -> Iterator[Row]:
    trials = found.trials
    yield (
        "DSR",
        _probability(found.probability),
        f"the PSR of what was the best of {trials.effective:,.0f} independent trials",
    )
    if trials.effective != trials.raw:
        yield "DSR, all trials", _probability(found.raw_probability), f"the same of all {trials.raw:,} trials"


def _years(klines: float | None, found: Evaluation) -> str:
    if klines is None:
        return "no length"
    years = klines * interval_ms(found.interval) / YEAR_MS
    return f"{years:,.1f} years" if years < 1000 else "> 1,000 years"  # noqa: PLR2004 - nobody waits for it


def _interval(found: ConfidenceInterval) -> str:
    return f"{percent(found.low)} to {percent(found.high)}"


def _ratio_interval(found: ConfidenceInterval | None) -> str:
    return UNDEFINED if found is None else f"{found.low:.2f} to {found.high:.2f}"


def _percent(value: float | None) -> str:
    return UNDEFINED if value is None else percent(value)


def _share(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value * 100:.1f} %"


def _number(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value + 0.0:.2f}"


def _probability(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.3f}"


def _when(moment: datetime | None) -> str:
    return UNDEFINED if moment is None else f"{moment:%Y-%m-%d %H:%M}"
