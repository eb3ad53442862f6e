"""The readable account after a demo, a replay or a status: lines, charts and where the files are."""

from trader.bootstrap import costs_of
from trader.cli.after_run import describe
from trader.cli.output import say
from trader.cli.testing import Tested
from trader.config import Mode, Settings
from trader.core.errors import BadData
from trader.core.performance import baselines
from trader.jobs.bot import Bot, Desk
from trader.jobs.concerns import span
from trader.jobs.demo import Demo
from trader.jobs.figures import closes_of, performance_of
from trader.jobs.status import Status
from trader.report.text import describe_execution, describe_performance, describe_reasons, describe_run, percent
from trader.version import Build

_MARKETS = {Mode.DEMO: "synthetic market", Mode.DRY_RUN: "dry run", Mode.TESTNET: "testnet"}


def tell_demo(bot: Bot, outcome: Demo, *, settings: Settings) -> None:
    """Print what the demo did, what the books say, and what to try next; draws the chart."""
    desk, costs = Desk(bot=bot, symbol=bot.symbols[0]), costs_of(settings)
    if outcome.replayed:
        say(
            f"REPLAY: {outcome.replayed} past klines of the synthetic market {desk.symbol} went through the live",
            f"pipeline in {outcome.seconds:.1f} s, one decision each. Nothing of it was live.",
            "",
        )
    say("LIVE: one demo hour on the simulated exchange.")
    say(*(f"  {line}" for line in describe_run(outcome.live.record)), "")
    table = desk.ledger.read()
    figures = performance_of(table, interval=bot.interval)
    say(f"ALL {len(table)} RUNS SO FAR, replayed and live; the market is synthetic with a planted edge:")
    lines = describe_performance(
        figures, costs=costs, baselines=baselines(closes_of(table), costs=costs), interval=bot.interval
    )
    say(*(f"  {line}" for line in lines), "")
    say(f"chart   {draw_chart(desk, settings=settings)}")
    say(f"store   {bot.storage.locate('journal')} (one record a run), ledger and models beside it", "")
    say("Next: `make run` again lives the next hour; `.venv/bin/trader status` shows where the bot stands;")
    say("the README says how to replay real months and how to paper trade on live prices.")


def draw_chart(desk: Desk, *, settings: Settings) -> str:
    """Draw the equity of both books against hold, keep it in the store, and return where it is."""
    from trader.report.equity import draw_equity

    bot = desk.bot
    table = desk.ledger.read()
    if not len(table):
        raise BadData(f"{desk.symbol} {bot.interval}: there are no runs to draw yet; `trader run` does the first one")
    png = draw_equity(
        table.to_pandas(),
        symbol=desk.symbol,
        interval=bot.interval,
        notional=float(bot.notional),
        costs=str(costs_of(settings)),
        title=f"{desk.symbol} {bot.interval}: paper book, execution book and hold ({_MARKETS[settings.bot.mode]})",
    )
    key = f"reports/{desk.symbol}-{bot.interval}-equity.png"
    bot.storage.put(key, png)
    return bot.storage.locate(key)


def tell_test(result: Tested, *, settings: Settings) -> None:
    """Print the figures of a replay or backtest, and where its files are."""
    span, card = result.span, result.card
    if result.in_sample:
        say("IN-SAMPLE: the model has seen these hours; nothing below is a forecast of anything.")
    rate = result.runs / result.seconds if result.seconds else float("nan")
    say(
        f"{result.kind} of {span.symbol} {card.interval}, {span.start:%Y-%m-%d %H:%M} to {span.end:%Y-%m-%d %H:%M} UTC:"
        f" {result.runs} runs in {result.seconds:.1f} s ({rate:.0f} a second)",
        f"  model        {card.model_id}, klines {card.first:%Y-%m-%d} to {card.last:%Y-%m-%d %H:%M} UTC",
        f"  on halt      {result.on_halt}; limits reached {result.halts} times",
        *(f"  {each.open_time:%Y-%m-%d %H:%M} {describe(each)}" for each in result.trainings),
    )
    figures = describe_performance(
        result.performance, costs=result.costs, baselines=result.baselines, interval=card.interval
    )
    say(*(f"  {line}" for line in figures))
    say(*(f"  {line}" for line in describe_reasons(result.reasons)))
    if result.execution is not None:
        notional = float(settings.sizing.notional)
        say(*(f"  {line}" for line in describe_execution(result.execution, notional=notional)))
    say(*(f"  {name:12} {path}" for name, path in result.files.items()))


def describe_status(found: Status) -> list[str]:
    """Return where one symbol stands, as lines: its health first, then what is the matter and what to do about it."""
    lines = [f"{found.symbol} ({found.mode})   {found.health}   store {found.store}"]
    for concern in found.concerns:
        lines += [f"  {concern.health:9} {concern.what}", f"  {'':9} -> {concern.advice}"]
    if found.record is not None:
        # A halt by a limit is among the concerns, with the same words.
        lines += [f"  {line}" for line in describe_run(found.record) if not line.startswith("HALTED")]
        lines += _describe_books(found)
    control = found.control
    said = f" since {control.at:%Y-%m-%d %H:%M} UTC by {control.who}: {control.why}" if control.at else ""
    lines += [f"  control   {control.mode}{said}", *_describe_model(found)]
    lines.append(f"  program   {_describe_program(found)}")
    if found.next_close is not None:
        lines.append(f"  next      after {found.next_close:%Y-%m-%d %H:%M} UTC")
    return lines


def _describe_program(found: Status) -> str:
    """Return what runs here, and what did the newest run where that was another version or commit."""
    here = Build(version=found.versions.get("trader", "unknown"), commit=found.versions.get("commit", ""))
    then = found.record.versions if found.record is not None else {}
    if all(found.versions.get(name) == then.get(name, found.versions.get(name)) for name in ("trader", "commit")):
        return str(here)
    was = Build(version=then.get("trader", "unknown"), commit=then.get("commit", ""))
    return f"{here}; the newest run was done by {was}"


def _describe_books(found: Status) -> list[str]:
    record, books = found.record, found.books
    if record is None or books is None:
        return []
    lines = [f"  drawdown  {percent(-books.drawdown)} from the peak since the last start or resume"]
    if books.trigger is not None and books.trigger_threshold is not None:
        below = f"a training is due below {percent(books.trigger_threshold)}"
        lines.append(f"  trigger   {percent(books.trigger)} over the last {books.trigger_runs} runs; {below}")
    done = f", done at {record.completed_at:%H:%M:%S} UTC" if record.completed_at else ""
    age = f", {span(found.age)} after its close" if found.age is not None else ""
    return [*lines, f"  last      {record.key.open_time:%Y-%m-%d %H:%M} UTC{done}; now is {found.now:%H:%M} UTC{age}"]


def _describe_model(found: Status) -> list[str]:
    """Return who decides, who is trained, and how the newest training ended."""
    model, training = found.model, found.training
    if model is None:
        lines = ["  model     none"]
    else:
        seen = f", has seen klines to {model.last:%Y-%m-%d %H:%M} UTC" if model.last else ""
        age = f" ({span(model.age)} ago)" if model.age is not None else ""
        lines = [f"  model     {model.model_id}{seen}{age}{'; pinned' if model.pinned else ''}"]
    if training.finished is not None:
        end = training.finished
        lines.append(f"  trained   {end.at:%Y-%m-%d %H:%M} UTC: {end.outcome} {end.model_id}".rstrip())
    if training.owner:
        lines.append(f"  training  is being done by {training.owner}, or was when that process ended")
    return lines
