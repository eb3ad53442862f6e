"""The command that tells how often the retraining trigger fires for a model without skill."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli.commands import AsJson, OneSymbol, app, settings_for
from trader.cli.output import parse_moment, plain, say, say_json
from trader.cli.research import End, Start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.core.policy import TriggerPolicy
    from trader.ml.trigger_rate import TriggerRates

_WINDOWS = (72, 168, 336)
_THRESHOLDS = (-0.03, -0.05, -0.10, -0.15, -0.20)


@app.command("trigger-rate")
def trigger_rate(
    symbol: OneSymbol,
    start: Start,
    end: End,
    holding: Annotated[float, typer.Option(min=1, help="klines a position is held on average")] = 5.0,
    exposed: Annotated[float, typer.Option(min=0.01, max=1, help="share of the time with a position")] = 0.05,
    hit: Annotated[float, typer.Option(min=0, max=1, help="how often a losing model is on the right side")] = 0.4,
    cooldown: Annotated[int | None, typer.Option(min=1, help="hours; default retrain.cooldown_hours")] = None,
    coins: Annotated[int, typer.Option(min=10, max=1000, help="models without skill, and as many that lose")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="of the coins")] = 0,
    as_json: AsJson = False,
) -> None:
    """Tell how often the trigger fires for coins that trade like the strategy, and how soon for models that lose."""
    from trader.bootstrap import costs_of, open_storage
    from trader.cli.testing import Span, on_grid
    from trader.jobs.replay import load_range
    from trader.ml.trigger_rate import Habits, trigger_rates
    from trader.store.klines import KlineStore

    settings = settings_for([symbol])
    mine = settings.rules().trigger
    pause = mine.cooldown if cooldown is None else timedelta(hours=cooldown)
    first, until = parse_moment(start), parse_moment(end)
    span = on_grid(Span(symbol=symbol, start=first, end=until, in_sample=True), interval=settings.bot.interval)
    klines = load_range(
        KlineStore(open_storage(settings)),
        symbol=symbol,
        interval=settings.bot.interval,
        start=span.start,
        end=span.end,
        warm_up=0,
    )
    found = trigger_rates(
        klines,
        habits=Habits(holding=holding, exposed=exposed, hit=hit),
        costs=costs_of(settings),
        policies=list(_grid(mine, pause=pause)),
        coins=coins,
        seed=seed,
    )
    if as_json:
        say_json({**plain(found), "symbol": symbol, "start": first, "end": until, "cooldown": pause})
        return
    hours, interval = pause // timedelta(hours=1), settings.bot.interval
    say(f"{symbol} {interval}: {found.klines} klines, {costs_of(settings)}, cooldown {hours} h")
    say(f"{coins} coins hold for {holding:g} klines, {exposed:.0%} of the time: {found.coin_week:+.2%} net a week")
    say(f"{coins} models that are right {hit:.0%} of the time lose: {found.losing_week:+.2%} net a week")
    say(*_table(found, mine=mine))


def _grid(mine: "TriggerPolicy", *, pause: timedelta) -> "Iterator[TriggerPolicy]":
    from dataclasses import replace

    windows, thresholds = sorted({*_WINDOWS, mine.window}), sorted({*_THRESHOLDS, mine.threshold}, reverse=True)
    for window in windows:
        for threshold in thresholds:
            least = min(mine.min_runs, window)
            yield replace(mine, window=window, threshold=threshold, min_runs=least, cooldown=pause)


def _table(found: "TriggerRates", *, mine: "TriggerPolicy") -> list[str]:
    lines = ["     N  threshold   fires a year (5-95 %)     loser caught in 2 weeks   median days"]
    for each in found.rates:
        days = "never" if each.days is None else f"{each.days:.1f}"
        mark = "  <- settings" if (each.window, each.threshold) == (mine.window, mine.threshold) else ""
        span = f"({each.low:.1f}-{each.high:.1f})"
        lines.append(
            f"{each.window:>6}  {each.threshold:>+9.3f}   {each.a_year:>12.1f} {span:<13}  {each.caught:>18.0%}"
            f"   {days:>16}{mark}"
        )
    return lines
