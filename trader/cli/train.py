"""`trader train`: search a recipe and let it challenge the champion, or do what the newest run left due."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trader.cli.commands import AsJson, app, settings_for
from trader.cli.exit import worst
from trader.cli.output import Bar, parse_moment, say, say_json
from trader.config import Executor, Settings
from trader.core.errors import BadConfig, Retryable, TraderError

if TYPE_CHECKING:
    from datetime import datetime

    from trader.ml.report import TrainingReport


@app.command()
def train(
    symbol: Annotated[
        list[str] | None,
        typer.Option("--symbol", help="symbol, may be repeated; needed, but with --if-due the default is bot.symbols"),
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="ISO", help="train on klines before this time; default: all stored")
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="recipes to try; default search.trials")] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="be done after about so many seconds")] = None,
    executor: Annotated[Executor | None, typer.Option(help="where folds are fitted; default train.executor")] = None,
    no_search: Annotated[bool, typer.Option("--no-search", help="one fit of the settings' recipe, no gate")] = False,
    promote: Annotated[bool, typer.Option(help="let the new model decide whatever the gate says")] = False,
    if_due: Annotated[
        bool, typer.Option("--if-due", help="do what the newest run left due, of every symbol; nothing else")
    ] = False,
    unless_external: Annotated[
        bool, typer.Option("--unless-external", help="with --if-due: nothing where retrain.timing is external")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Search a recipe on stored klines, judge it honestly, and promote it only if it beats the champion."""
    if if_due:
        from trader.cli.retrain import train_if_due

        if end is not None or promote or no_search or trials or seconds or executor:
            raise BadConfig(
                "--if-due trains as the settings say; it goes with --symbol, --unless-external and --json only"
            )
        raise typer.Exit(train_if_due(symbol, unless_external=unless_external, as_json=as_json))
    if not symbol:
        raise typer.BadParameter("name the symbol, or give --if-due to train what is due", param_hint="--symbol")
    if unless_external:
        raise BadConfig("--unless-external goes with --if-due only")
    if no_search and (trials or seconds or executor):
        raise BadConfig("--no-search fits the settings' recipe once; it goes with no --trials, --seconds or --executor")
    settings = _overridden(settings_for(symbol), trials=trials, executor=executor)
    moment = None if end is None else parse_moment(end)
    if no_search:
        _fit(settings, end=moment, promote=promote, as_json=as_json)
        return
    ends = _train_all(settings, end=moment, seconds=seconds, insist=promote, as_json=as_json)
    if as_json:
        reports = [end.report for end in ends if end.report is not None]
        failed = [{"symbol": end.symbol, "error": str(end.error)} for end in ends if end.error is not None]
        say_json({"trainings": reports, "failed": failed})
    raise typer.Exit(worst([end.error for end in ends if end.error is not None]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """How the training of a symbol ended: with a report, or with an error."""

    symbol: str
    report: "TrainingReport | None" = None
    error: TraderError | None = None


def _overridden(settings: Settings, *, trials: int | None, executor: Executor | None) -> Settings:
    changes: dict[str, Any] = {}
    if trials is not None:
        changes["search"] = settings.search.model_copy(update={"trials": trials})
    if executor is not None:
        changes["train"] = settings.train.model_copy(update={"executor": executor})
    return settings.model_copy(update=changes)


def _train_all(
    settings: Settings, *, end: "datetime | None", seconds: float | None, insist: bool, as_json: bool
) -> list[_End]:
    """Train every symbol: one after the other on this machine, whose cores one training fills; at once on a cluster."""
    width = len(settings.symbols) if settings.train.executor is Executor.DASK else 1
    stop = threading.Event()
    work = partial(_train, settings, end=end, seconds=seconds, insist=insist, is_silent=as_json or width > 1, stop=stop)
    ends = []
    with ThreadPoolExecutor(width) as pool:
        try:
            for found in pool.map(work, settings.symbols) if width > 1 else map(work, settings.symbols):
                ends.append(found)
                _tell(found, as_json=as_json)
        finally:
            stop.set()  # whoever is still at it when this one is interrupted ends, too
    return ends


def _tell(end: _End, *, as_json: bool) -> None:
    from trader.report.training import describe_training

    if end.error is not None:
        typer.echo(f"error: {end.error}", err=True)
    elif end.report is not None and not as_json:
        say(*describe_training(end.report), "")


def _train(
    settings: Settings,
    symbol: str,
    *,
    end: "datetime | None",
    seconds: float | None,
    insist: bool,
    is_silent: bool,
    stop: threading.Event,
) -> _End:
    began = time.monotonic()  # loading the libraries takes seconds, too
    from trader.bootstrap import build_bot, build_training
    from trader.cli.after_run import tell_training
    from trader.jobs.bot import Desk
    from trader.jobs.training.job import train as train_symbol
    from trader.jobs.training.load import stored_klines
    from trader.store.control import check_stamp

    def go_on() -> None:
        if stop.is_set():
            raise Retryable(f"{symbol}: given up, because the command was interrupted; its trials are kept")

    try:
        desk = Desk(bot=build_bot(settings), symbol=symbol)
        check_stamp(desk.bot.storage, mine=desk.bot.stamp)
        trained = train_symbol(
            desk,
            why="asked for on the command line",
            deadline_seconds=None if seconds is None else seconds - (time.monotonic() - began),
            heartbeat=go_on,
            setup=build_training(settings, progress=Bar(silent=is_silent)),
            load=partial(stored_klines, end=end),
            insist=insist,
        )
    except TraderError as error:
        return _End(symbol=symbol, error=error)
    tell_training(desk, None, settings=settings)
    return _End(symbol=symbol, report=trained.report)


def _fit(settings: Settings, *, end: "datetime | None", promote: bool, as_json: bool) -> None:
    from trader.bootstrap import build_bot
    from trader.jobs.bot import Desk
    from trader.jobs.train import train_stored
    from trader.store.control import check_stamp

    cards = []
    bot = build_bot(settings)
    check_stamp(bot.storage, mine=bot.stamp)
    for symbol in settings.symbols:
        desk = Desk(bot=bot, symbol=symbol)
        card = train_stored(desk, end=end, promote_anyway=promote)
        cards.append(card)
        if not as_json:
            span = f"{card.first:%Y-%m-%d %H:%M} to {card.last:%Y-%m-%d %H:%M} UTC"
            champion = desk.models.champion()
            say(f"model     {card.model_id}: {card.rows} rows, {span}")
            say(f"champion  {champion.model_id if champion else 'none'}")
    if as_json:
        say_json(cards[0] if len(cards) == 1 else cards)
