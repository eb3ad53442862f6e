"""The commands of the registry: which models there are and what became of them, and a person's word about it."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trader.cli.after_run import tell_models
from trader.cli.commands import AsJson, OneSymbol, Symbols, app, reason, settings_for, user_name
from trader.cli.output import plain, say, say_json

if TYPE_CHECKING:
    from trader.jobs.bot import Bot, Desk
    from trader.jobs.compare_models import Comparison
    from trader.jobs.models import Details, Overview, Promotion

_MANY = 12

models = typer.Typer(help="The models, their life, and which one decides.", no_args_is_help=True)
app.add_typer(models, name="models")

WhyModel = Annotated[str, typer.Option("--why", help="the reason; it is kept in the log of the models")]
Unpin = Annotated[bool, typer.Option("--unpin", help="replace a pinned champion, too; the new one is not pinned")]


@models.command("list")
def list_(symbol: Symbols = None, as_json: AsJson = False) -> None:
    """List all models, the oldest first, with what they are and why."""
    from trader.jobs.bot import Desk
    from trader.jobs.models import overview

    bot = _bot(symbol)
    found = [overview(Desk(bot=bot, symbol=each)) for each in bot.symbols]
    if as_json:
        say_json({"symbols": found})
        return
    for each in found:
        say(*_describe_overview(each), "")


@models.command()
def show(
    symbol: OneSymbol,
    model: Annotated[str | None, typer.Argument(help="model id; default: the champion")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a model's card, its life, and whether it can be used."""
    from trader.jobs.models import details

    found = details(_desk(symbol), model)
    if as_json:
        say_json(found)
    else:
        say(*_describe(found))


@models.command()
def promote(
    model: Annotated[str, typer.Argument(help="model id")],
    symbol: OneSymbol,
    why: WhyModel,
    unpin: Unpin = False,
    as_json: AsJson = False,
) -> None:
    """Let a model decide from the next run on."""
    from trader.jobs.models import promote as promote_model

    desk, why = _desk(symbol), reason(why, kept_in="the log of the models")
    done = promote_model(desk, model, who=user_name(), why=why, unpin=unpin)
    tell_models(desk, settings=settings_for([symbol]))
    _tell(done, as_json=as_json)


@models.command()
def rollback(symbol: OneSymbol, why: WhyModel, unpin: Unpin = False, as_json: AsJson = False) -> None:
    """Let the champion before the current one decide again."""
    from trader.jobs.models import rollback as roll_back

    desk, why = _desk(symbol), reason(why, kept_in="the log of the models")
    done = roll_back(desk, who=user_name(), why=why, unpin=unpin)
    tell_models(desk, settings=settings_for([symbol]))
    _tell(done, as_json=as_json)


@models.command()
def pin(
    symbol: OneSymbol,
    why: WhyModel,
    off: Annotated[bool, typer.Option("--off", help="let trainings replace the champion again")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep trainings from replacing the champion; a person still can."""
    from trader.jobs.models import champion_of
    from trader.jobs.models import pin as pin_champion

    desk = _desk(symbol)
    is_new = pin_champion(desk, on=not off, who=user_name(), why=reason(why, kept_in="the log of the models"))
    champion = champion_of(desk)
    tell_models(desk, settings=settings_for([symbol]))
    if as_json:
        say_json({"symbol": symbol, "champion": champion, "pinned": not off, "changed": is_new})
        return
    state = "not pinned" if off else "pinned"
    say(f"{symbol}: champion {champion} is {state}" + ("" if is_new else " already; nothing changed"))


@models.command()
def diff(
    model: Annotated[str, typer.Argument(help="model id")],
    symbol: OneSymbol,
    other: Annotated[str | None, typer.Argument(help="another model id; default: the champion")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what two models differ in: recipe, data, versions, figures, and decisions on the newest stored klines."""
    from trader.jobs.compare_models import compare_models
    from trader.jobs.models import champion_of

    desk = _desk(symbol)
    found = compare_models(desk, model, champion_of(desk) if other is None else other)
    differing, same = _differing(found)
    if as_json:
        say_json({**plain(found), "differing": {name: list(values) for name, values in differing.items()}})
        return
    say(*(f"{name}\n  {_shown(one)}\n  {_shown(two)}" for name, (one, two) in differing.items()))
    say(f"{same} entries of the cards are the same", _describe_decisions(found))


@models.command()
def prune(symbol: Symbols = None, as_json: AsJson = False) -> None:
    """Delete the trees of rejected models beyond the newest models.keep; no model that ever decided, and no card."""
    from trader.config import load_settings
    from trader.jobs.bot import Desk
    from trader.jobs.models import prune as prune_models

    bot, keep = _bot(symbol), load_settings().models.keep
    gone = {each: prune_models(Desk(bot=bot, symbol=each), keep=keep, who=user_name()) for each in bot.symbols}
    if as_json:
        say_json({"removed": gone})
        return
    for each, removed in gone.items():
        say(f"{each}: the trees of {len(removed)} rejected models were deleted, at most {keep} are kept", *removed)


def _bot(symbols: list[str] | None) -> "Bot":
    from trader.bootstrap import build_bot
    from trader.store.control import check_stamp

    bot = build_bot(settings_for(symbols))
    check_stamp(bot.storage, mine=bot.stamp)
    return bot


def _desk(symbol: str) -> "Desk":
    from trader.jobs.bot import Desk

    return Desk(bot=_bot([symbol]), symbol=symbol)


def _tell(done: "Promotion", *, as_json: bool) -> None:
    if as_json:
        say_json({**plain(done), "changed": done.changed})
        return
    if done.changed:
        say(f"{done.symbol}: {done.champion} decides from the next run on; until now {done.before or 'none'} did")
    else:
        say(f"{done.symbol}: {done.champion} decides already; nothing changed but a pin, if you let it go")
    if done.warning:
        typer.echo(f"warning: {done.warning}", err=True)


def _describe_overview(found: "Overview") -> list[str]:
    pinned = f", pinned by {found.pin.who} ({found.pin.why})" if found.pin and found.pin.on else ""
    lines = [f"{found.symbol} {found.interval}: champion {found.champion or 'none'}{pinned}"]
    if found.finished is not None:
        end = found.finished
        lines.append(f"  newest training {_time(end.at)}: {end.model_id or 'no model'} {end.outcome}")
    lines += [
        f"  {each.model_id}  {each.state:<10}  {_time(each.since)}  {_said(each.who, each.why)}".rstrip()
        for each in found.models
    ]
    return lines if found.models else [*lines, "  no models yet; `trader train`, or the first run, makes one"]


def _describe(found: "Details") -> list[str]:
    card = _flat(plain(found.card))
    width = max(map(len, card))
    return [
        f"{found.card.model_id}: {found.state}{', decides' if found.decides else ''}",
        *(f"{name:<{width}}  {_shown(value)}" for name, value in card.items()),
        f"{'trees':<{width}}  {found.problem or 'can be read'}",
        *(
            f"{_time(event.at)}  {event.from_state or 'new'} > {event.to_state}"
            f"{', pinned' if event.pinned else ''}  {_said(event.who, event.why)}".rstrip()
            for event in found.events
        ),
        *_describe_report(found),
    ]


def _describe_report(found: "Details") -> list[str]:
    from trader.report.training import describe_training

    if found.report is not None:
        return ["", *describe_training(found.report)]
    return ["", f"the report of its training cannot be read: {found.report_problem}"] if found.report_problem else []


def _describe_decisions(found: "Comparison") -> str:
    if found.decisions is None:
        return f"decisions cannot be compared: {found.why_not}"
    each = found.decisions
    return (
        f"decisions differ on {each.differ:.1%} of {each.klines} klines from {_time(each.first)} to {_time(each.last)},"
        f" {each.opposite:.1%} are opposite"
    )


def _differing(found: "Comparison") -> tuple[dict[str, tuple[Any, Any]], int]:
    """Return the entries of the two cards that differ, by name, and how many do not."""
    one, other = _flat(plain(found.one)), _flat(plain(found.other))
    names = list(dict.fromkeys([*one, *other]))
    differing = {name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}
    return differing, len(names) - len(differing)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return the entries of nested objects under dotted names; lists stay."""
    if not isinstance(value, dict) or not value:
        return {prefix: value}
    found: dict[str, Any] = {}
    for name, part in value.items():
        found |= _flat(part, f"{prefix}.{name}" if prefix else name)
    return found


def _shown(value: Any) -> str:
    if isinstance(value, list):
        shown = ", ".join(map(_shown, value[:_MANY]))
        return f"{shown}, ... ({len(value)} in all; --json has them)" if len(value) > _MANY else shown or "none"
    return "none" if value is None or value == {} else str(value)


def _said(who: str, why: str) -> str:
    return f"{who}: {why}" if who and why else who or why


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else " " * 20
