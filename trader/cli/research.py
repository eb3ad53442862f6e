"""The commands that fetch history, look at it and test on it: ingest, explore, replay, backtest."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from trader.cli.commands import AsJson, FirstMonth, LastMonth, OneSymbol, app, settings_for
from trader.cli.output import Bar, parse_moment, say, say_json, write_file
from trader.core.errors import BadConfig
from trader.core.risk import OnHalt

Start = Annotated[
    str, typer.Option("--start", metavar="ISO", help="first kline decided on; UTC unless a zone is given")
]
End = Annotated[str, typer.Option("--end", metavar="ISO", help="end, not included: 2022-02-01 ends with January")]
HaltRule = Annotated[str, typer.Option("--on-halt", help="stop, mark, or resume-after=HOURS")]
_LONGEST_HALT = 100_000
InSample = Annotated[bool, typer.Option("--in-sample", help="allow a model that has seen these months; says so")]
WalkForward = Annotated[
    bool, typer.Option("--walk-forward", help="no stored model: the settings' recipe, fitted anew every 30 days")
]
Spans = Annotated[str, typer.Option(help="with --walk-forward: common (from --start on), or tutorial (shrinking)")]
LookBackMaxDays = Annotated[
    int | None,
    typer.Option(min=1, help="with --walk-forward: train on nothing before --start, decide from so many days later on"),
]
Gross = Annotated[bool, typer.Option("--gross", help="with --walk-forward: charge nothing")]
Trials = Annotated[
    int | None, typer.Option(min=1, help="with --walk-forward: how many recipes and rules you tried, for the DSR")
]


@app.command()
def ingest(
    symbol: OneSymbol,
    start: FirstMonth,
    end: LastMonth,
    archive: Annotated[str, typer.Option(help="URL or folder; default market.archive")] = "",
    as_json: AsJson = False,
) -> None:
    """Bring months of klines from Binance's public archive into storage."""
    from trader.adapters.clocks import WallClock
    from trader.bootstrap import open_archive, open_storage
    from trader.jobs.ingest import ingest as ingest_months

    settings = settings_for([symbol])
    report = ingest_months(
        storage=open_storage(settings),
        archive=open_archive(archive or settings.market.archive),
        progress=Bar(silent=as_json),
        symbol=symbol,
        interval=settings.bot.interval,
        first=start,
        last=end,
        now=WallClock().now(),
    )
    if as_json:
        say_json(report)
        return
    say(f"{symbol} {report.interval}: {len(report.months)} months from {report.archive} in {report.seconds:.1f} s")
    say(f"files     {report.fetched} fetched, {report.from_raw} from raw, {report.unchanged} unchanged")
    say(f"klines    {report.real} real, {report.filled} filled in {len(report.gaps)} gaps")
    for gap in sorted(report.gaps, key=lambda gap: -gap.count)[:5]:
        say(f"gap       {gap.count} missing from {gap.start:%Y-%m-%d %H:%M} UTC")
    if report.missing:
        say(f"missing   {', '.join(report.missing)} (not in the archive)")
    say(*(f"warning   {warning}" for warning in report.warnings))


@app.command()
def explore(
    symbol: OneSymbol, out: Annotated[Path | None, typer.Option(help="file to write; default: in the store")] = None
) -> None:
    """Look at the stored klines before trusting a model: one HTML page of pictures."""
    from trader.bootstrap import costs_of, open_storage
    from trader.jobs.explore import explore as make_page

    settings = settings_for([symbol])
    storage = open_storage(settings)
    page = make_page(
        storage,
        symbol=symbol,
        interval=settings.bot.interval,
        preset=settings.train.features,
        costs=costs_of(settings),
    )
    if out is None:
        key = f"reports/{symbol}-{settings.bot.interval}-explore.html"
        storage.put(key, page.encode())
        say(storage.locate(key))
        return
    write_file(out, page.encode())
    say(str(out))


@app.command()
def replay(
    symbol: OneSymbol,
    start: Start,
    end: End,
    on_halt: HaltRule = "stop",
    in_sample: InSample = False,
    model: Annotated[str, typer.Option(help="a stored model; default: one trained on klines before --start")] = "",
    retrain: Annotated[
        bool, typer.Option("--retrain", help="train when that is due, as live; default: the model stays")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the scratch store; default: a new temporary one")] = None,
    as_json: AsJson = False,
) -> None:
    """Live through past hours one by one, with the live pipeline on scratch storage."""
    from trader.cli.story import tell_test
    from trader.cli.testing import Span, replay_stored

    settings = settings_for([symbol])
    span = Span(symbol=symbol, start=parse_moment(start), end=parse_moment(end), in_sample=in_sample)
    rule, resume_after = parse_on_halt(on_halt)
    result = replay_stored(
        settings,
        span=span,
        on_halt=rule,
        resume_after=resume_after,
        model_id=model,
        retrain=retrain,
        out=out,
        progress=Bar(silent=as_json),
    )
    if as_json:
        say_json(result.summary())
    else:
        tell_test(result, settings=settings)


@app.command()
def backtest(
    symbol: OneSymbol,
    start: Start,
    end: End,
    model: Annotated[str, typer.Option(help="a stored model's id; needed without --walk-forward")] = "",
    on_halt: HaltRule = "stop",
    in_sample: InSample = False,
    walk_forward: WalkForward = False,
    spans: Spans = "common",
    look_back_max_days: LookBackMaxDays = None,
    gross: Gross = False,
    trials: Trials = None,
    out: Annotated[Path | None, typer.Option(help="file for the table of hours (CSV)")] = None,
    as_json: AsJson = False,
) -> None:
    """Test a frozen model in one vectorised pass, with a replay's numbers; or a recipe, by walk-forward."""
    settings, first, until = settings_for([symbol]), parse_moment(start), parse_moment(end)
    rule, resume_after = parse_on_halt(on_halt)
    if walk_forward:
        from trader.cli.walk_forward import Asked, backtest_walk_forward

        if model or in_sample or rule is not OnHalt.STOP:
            raise BadConfig(
                "--walk-forward fits its own models on klines before those they decide, and no limit halts it: leave"
                " out --model, --in-sample and --on-halt"
            )
        asked = Asked(
            symbol=symbol,
            start=first,
            end=until,
            spans=spans,
            look_back_max_days=look_back_max_days,
            gross=gross,
            trials=trials,
            out=out,
            as_json=as_json,
        )
        backtest_walk_forward(settings, asked)
        return
    from trader.cli.story import tell_test
    from trader.cli.testing import Span, backtest_stored

    if not model:
        raise typer.BadParameter("name a stored model (`trader models list`), or walk forward", param_hint="--model")
    if spans != "common" or look_back_max_days or gross or trials:
        raise BadConfig("--spans, --look-back-max-days, --gross and --trials go with --walk-forward")
    span = Span(symbol=symbol, start=first, end=until, in_sample=in_sample)
    result = backtest_stored(settings, span=span, on_halt=rule, resume_after=resume_after, model_id=model, out=out)
    if as_json:
        say_json(result.summary())
    else:
        tell_test(result, settings=settings)


def parse_on_halt(text: str) -> tuple[OnHalt, timedelta | None]:
    """Return what a reached limit does. Raises BadConfig when it is not one of the three forms."""
    name, _, hours = text.partition("=")
    if name in (OnHalt.STOP, OnHalt.MARK) and not hours:
        return OnHalt(name), None
    if name == OnHalt.RESUME_AFTER and hours.isdecimal() and 0 < int(hours) <= _LONGEST_HALT:
        return OnHalt.RESUME_AFTER, timedelta(hours=int(hours))
    raise BadConfig(
        f"--on-halt {text!r} is not understood; use stop, mark, or resume-after=HOURS (1 to {_LONGEST_HALT})"
    )
