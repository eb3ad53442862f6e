"""The commands of daily life: run, demo, status, chart, halt, reduce, resume.

Imports that one command needs are inside it: the order comes first.
"""

import getpass
import os
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from trader.cli.exit import worst
from trader.cli.output import Bar, parse_moment, say, say_json
from trader.config import Settings, Symbol, load_settings
from trader.core.errors import BadConfig, Conflict, TraderError
from trader.core.risk import ControlMode
from trader.version import running

app = typer.Typer(
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


_DEMO_SECONDS = 30.0
"""What a tracker gets in the demo, whose first hour comes with a whole past to be sent."""


def _show_version(wanted: bool) -> None:
    if wanted:
        program = running()  # the version is the first word, for scripts
        say(f"{program.version} (hourly-trader, commit {program.commit or 'unknown'})")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="show version and commit")
    ] = False,
) -> None:
    """Trade on paper, by machine learning: one decision a closed kline."""


Symbols = Annotated[list[str] | None, typer.Option("--symbol", help="symbol, may be repeated; default: bot.symbols")]
OneSymbol = Annotated[str, typer.Option("--symbol", help="symbol, such as BTCUSDT")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on standard output")]
Why = Annotated[str, typer.Option("--why", help="the reason; it is kept in the journal")]
FirstMonth = Annotated[str, typer.Option("--start", metavar="YYYY-MM", help="first month")]
LastMonth = Annotated[str, typer.Option("--end", metavar="YYYY-MM", help="last month, included")]


def settings_for(symbols: list[str] | None) -> Settings:
    """Return the settings, with the symbols of the command line if there are any."""
    settings = load_settings()
    if not symbols:
        return settings
    for symbol in symbols:
        if not _is_symbol(symbol):
            raise BadConfig(
                f"--symbol {symbol!r} is not one; write 2 to 20 capital letters and digits, such as BTCUSDT"
            )
    return load_settings(bot={**settings.bot.model_dump(), "symbols": list(dict.fromkeys(symbols))})


def _is_symbol(text: str) -> bool:
    try:
        TypeAdapter(Symbol).validate_python(text)
    except ValidationError:
        return False
    return True


@app.command()
def run(
    symbol: Symbols = None,
    at: Annotated[str | None, typer.Option(help="run as if it were this ISO time (UTC)")] = None,
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="without a model: bring the klines it wants from the archive first")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Do the run of the newest closed kline: decide, trade, commit; then train, if that is due."""
    from trader.adapters.clocks import WallClock
    from trader.bootstrap import build_bot, versions
    from trader.cli.after_run import retrain_after, tell_failure, tell_runs
    from trader.cli.answers import log_answers, log_failure, show_answers
    from trader.config import Mode
    from trader.jobs.symbols import left_behind, run_symbols

    settings = settings_for(symbol)
    prepare = None
    if catch_up:
        from trader.cli.catch_up import catching_up

        prepare = catching_up(settings, as_json=as_json)
    moment = None if at is None else parse_moment(at)
    if moment is not None and settings.bot.mode is not Mode.DEMO and moment > WallClock().now():
        raise BadConfig(f"--at {at} is in the future; a run there would keep the real hours until then from being run")
    try:
        bot = build_bot(settings, at=moment, live=True)
        answers = run_symbols(bot, prepare=prepare)
    except Exception as error:
        log_failure(settings.symbols, versions=versions())
        if isinstance(error, TraderError):
            tell_failure(error, settings=settings)
        raise
    log_answers(answers, versions=bot.versions)
    unread: OSError | None = None
    try:
        show_answers(answers, left=() if symbol else left_behind(answers, symbols=bot.symbols), as_json=as_json)
    except OSError as error:  # nobody reads on, or the disk of the log is full: all others are told all the same
        unread = error
    records = [answer.record for answer in answers if answer.record is not None]
    tell_runs(bot, answers, settings=settings)
    retrain_after(bot, records, settings=settings, quietly=as_json)
    if unread is not None:
        raise unread
    raise typer.Exit(worst([answer.error for answer in answers if answer.error is not None]))


@app.command()
def demo() -> None:
    """Replay demo.replay_days synthetic days once, then do one live hour each time; draws the equity curve."""
    from trader.adapters.clocks import VirtualClock
    from trader.bootstrap import build_bot, open_storage
    from trader.cli.after_run import retrain_after, say_where, tell_runs
    from trader.cli.story import tell_demo
    from trader.config import Mode
    from trader.jobs.demo import demo as play
    from trader.jobs.symbols import SymbolRun

    settings = load_settings()
    if settings.bot.mode is not Mode.DEMO:
        raise BadConfig(f"bot.mode is {settings.bot.mode}; `trader demo` is for demo mode, use `trader run`")
    bot = build_bot(settings)
    if not isinstance(bot.clock, VirtualClock):
        raise BadConfig("the demo needs a clock that can be moved")
    outcome = play(
        bot,
        clock=bot.clock,
        scratch=open_storage(settings, durable=False),
        start=settings.demo.start,
        replay_days=settings.demo.replay_days,
        progress=Bar(silent=False),
    )
    tell_demo(bot, outcome, settings=settings)
    live, patient = outcome.live, {"timeout_seconds": max(settings.tracker.timeout_seconds, _DEMO_SECONDS)}
    told = settings.model_copy(update={"tracker": settings.tracker.model_copy(update=patient)})
    tell_runs(bot, [SymbolRun(symbol=bot.symbols[0], outcome=live.outcome, record=live.record)], settings=told)
    say_where(bot, settings=settings)
    short = settings.search.model_copy(update={"trials": settings.demo.trials})
    settings = settings.model_copy(update={"search": short})
    retrain_after(bot, [live.record], settings=settings, quietly=False)


@app.command()
def status(symbol: Symbols = None, as_json: AsJson = False) -> None:
    """Show where each symbol stands: newest run, exposure, books, halt, training, the operator's switch."""
    from trader.bootstrap import build_bot
    from trader.cli.story import describe_status
    from trader.jobs.bot import Desk
    from trader.jobs.status import status as read_status
    from trader.store.control import check_stamp

    settings = settings_for(symbol)
    bot = build_bot(settings)
    check_stamp(bot.storage, mine=bot.stamp)
    found = [read_status(Desk(bot=bot, symbol=each)) for each in bot.symbols]
    if as_json:
        say_json({"symbols": found})
        return
    for each in found:
        say(*describe_status(each), "")


def _control(mode: ControlMode, why: str) -> None:
    from trader.adapters.clocks import WallClock
    from trader.bootstrap import build_bot
    from trader.store.control import check_stamp
    from trader.store.control import say as set_control

    why = reason(why)
    bot = build_bot(load_settings())
    if not check_stamp(bot.storage, mine=bot.stamp):
        raise BadConfig(f"there is no bot in {bot.storage.locate('bot.json')} yet; check storage.url and bot.mode")
    try:
        control = set_control(bot.storage, mode=mode, why=why, who=user_name(), at=WallClock().now())
    except Conflict as error:
        raise Conflict(
            "somebody else set the switch at the same moment; look at `trader status`, then try again"
        ) from error
    say(f"control is now {control.mode} ({control.why}); the next run acts on it")


def reason(why: str, *, kept_in: str = "the journal") -> str:
    """Return --why as it is kept: whatever the terminal sent, what cannot be printed (or encoded) becomes a space."""
    why = " ".join("".join(each if each.isprintable() else " " for each in why).split())
    if not why:
        raise BadConfig(f"--why is empty; say why, it is kept in {kept_in}")
    return why


def user_name() -> str:
    """Return who gives the command, for what is written down about it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid {os.getuid()}"


@app.command()
def halt(why: Why) -> None:
    """Go flat with the next run (not before) and stay so until `trader resume`."""
    _control(ControlMode.HALT, why)


@app.command()
def reduce(why: Why) -> None:
    """Only leave positions from the next run on; open none."""
    _control(ControlMode.REDUCE, why)


@app.command()
def resume(why: Why) -> None:
    """Trade again; the loss limit starts to count anew."""
    _control(ControlMode.RUN, why)


@app.command()
def chart(symbol: OneSymbol = "") -> None:
    """Draw the equity curve of both books against hold."""
    from trader.bootstrap import build_bot
    from trader.cli.story import draw_chart
    from trader.jobs.bot import Desk
    from trader.store.control import check_stamp

    settings = settings_for([symbol] if symbol else None)
    bot = build_bot(settings)
    check_stamp(bot.storage, mine=bot.stamp)
    say(draw_chart(Desk(bot=bot, symbol=bot.symbols[0]), settings=settings))
