"""What the doctor looks at, one thing each: a finding, with advice when a person should do something.

What keeps a run from its work is raised as an error, whose message ends with what to do.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trader.core.errors import BadConfig, BadData, Conflict
from trader.core.journal import Allocation
from trader.core.klines import close_of, interval_ms, last_closed
from trader.core.orders import ZERO, NotSent, OrderPlan, SymbolRules, plan_order, target_quantity
from trader.core.risk import ControlMode
from trader.ports import Clock, Exchange, Market, ObjectStorage
from trader.store.control import Stamp, check_stamp, read_control
from trader.store.journal import Journal
from trader.store.models import ModelStore

_CLOCK_TOLERANCE = timedelta(seconds=1)
_PROBE_REQUESTS = 6
_SLOW_SECONDS = 0.5
_LATE = timedelta(minutes=1)
_ROOM = 2
"""How many times the smallest order the notional should be."""

_COARSE = Decimal("0.01")
"""The share of the notional above which one lot step is worth a warning."""

_NEAR = 0.9
"""The share of its greatest age from which on a model is called old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found; with `advice` it is a warning."""

    found: str
    advice: str = ""


def of_storage(storage: ObjectStorage, *, mine: Stamp, host: Clock) -> Finding:
    """Read whose store this is."""
    began = host.monotonic()
    is_ours = check_stamp(storage, mine=mine)
    took = host.monotonic() - began
    whose = f"it is bot {mine.bot_id!r}'s" if is_ours else "it is unused; the first run makes it this bot's"
    return Finding(found=f"it answers in {_ms(took)}; {whose}")


def of_writes(storage: ObjectStorage, *, host: Clock) -> Finding:
    """Write an object of its own, try to overwrite it as a second bot might, and delete it.

    Raises BadConfig when a write that has to lose is taken: then nothing keeps two processes from the same order.
    """
    key = f"doctor-probe-{secrets.token_hex(8)}"
    began = host.monotonic()
    first = storage.create(key, b"first")
    try:
        _must_lose(storage, key, tag=None)
        second = storage.replace(key, b"second", first)
        _must_lose(storage, key, tag=first)
        if second == first:
            raise BadConfig(f"{storage.locate(key)}: a changed object has the same tag; use another storage")
    finally:
        storage.delete(key)
    if storage.get(key) is not None:
        raise BadConfig(f"{storage.locate(key)} was deleted but is still there; use another storage")
    seconds = (host.monotonic() - began) / _PROBE_REQUESTS
    return Finding(
        found=f"writes that have to lose do lose; {_ms(seconds)} a request",
        advice="a run makes some 20 requests: run the bot nearer to its storage" if seconds > _SLOW_SECONDS else "",
    )


def _must_lose(storage: ObjectStorage, key: str, *, tag: str | None) -> None:
    what = "created a second time" if tag is None else "replaced under a tag that was out of date"
    try:
        if tag is None:
            storage.create(key, b"a second bot's")
        else:
            storage.replace(key, b"a second bot's", tag)
    except Conflict:
        return
    raise BadConfig(
        f"{storage.locate(key)} could be {what}, so that two processes would send the same order; use a storage that"
        " has conditional writes"
    )


def of_clock(host: Clock, *, other: Clock | Exchange) -> Finding:
    """Compare this machine's clock with a server's; wrong by the way that its answer took."""
    offset = host.now() - other.now()
    how = "ahead of" if offset > timedelta(0) else "behind"
    found = f"this machine's clock is {_span(abs(offset))} {how} it"
    if abs(offset) <= _CLOCK_TOLERANCE:
        return Finding(found=found)
    advice = "set it by NTP: runs go by the servers' time, but S3 refuses requests that are 15 minutes off"
    return Finding(found=found, advice=advice)


def of_klines(market: Market, *, symbol: str, interval: str, now: datetime) -> Finding:
    """Ask for the symbol and its newest closed kline."""
    rules = market.rules(symbol)
    step = timedelta(milliseconds=interval_ms(interval))
    klines = market.klines(symbol, interval, start=last_closed(now, interval) - 2 * step, end=now)
    if not len(klines):
        raise BadData(
            f"{symbol} {interval}: the market has no kline of the last {_span(3 * step)}; look whether it trades, or"
            " choose another symbol"
        )
    age = now - close_of(klines.last, interval)
    found = f"the newest closed one is of {klines.last:%Y-%m-%d %H:%M} UTC, {_span(age)} after its close"
    if rules.status != "TRADING":
        return Finding(found=f"{found}; status {rules.status}", advice="wait until the market trades it again")
    is_late = age > step + _LATE
    return Finding(
        found=found, advice="the market is late: a run waits, and misses the hour at last" if is_late else ""
    )


def of_orders(
    *,
    symbol: str,
    symbols: Sequence[str],
    notional: Decimal,
    allow_short: bool,
    market: Market,
    exchange: Exchange | None,
    allocation: Allocation | None,
) -> Finding:
    """Plan the orders that go long and short from nothing, as a run would, and look at how they fit the rules.

    Without an exchange the rules are the market's and the account is taken for large enough. Raises BadConfig when
    there can be no order at all in one of the directions.
    """
    venue = exchange or market
    rules, price = venue.rules(symbol), venue.price(symbol)
    size = target_quantity(exposure=1.0, notional=notional, price=price, rules=rules)
    base, quote = 2 * size, 2 * notional
    if exchange is not None:
        base, quote = _available(exchange, rules=rules, symbols=symbols, allocation=allocation)
    advice = _advice_on_size(rules, notional=notional, price=price)
    for direction, target in (("long", size), ("short", -size))[: 2 if allow_short else 1]:
        plan = plan_order(
            target=target, held=ZERO, price=price, rules=rules, available_base=base, available_quote=quote
        )
        if plan.side is None:
            raise BadConfig(_why_not(plan, direction=direction, rules=rules, notional=notional, base=base, quote=quote))
        if plan.capped:
            advice.append(
                f"{direction} is limited to {plan.quantity:f} of {size:f} {rules.base_asset} by the account or the"
                " exchange: fund it, or lower sizing.notional"
            )
    basis = f", {price / market.price(symbol) - 1:+.2%} from the market's price" if exchange is not None else ""
    found = f"{size:f} {rules.base_asset} for {notional:f} {rules.quote_asset} at {price:f}{basis}"
    return Finding(found=found, advice="; ".join(advice))


def of_model(models: ModelStore, *, now: datetime, max_age: timedelta) -> Finding:
    """Load the champion and look at its age, which counts from the newest kline it has seen."""
    model = models.load_champion()
    if model is None:
        return Finding(found="none yet; the first run trains one")
    age = now - model.card.last
    found = f"{model.card.model_id} has seen klines to {model.card.last:%Y-%m-%d %H:%M} UTC, {_span(age)} ago"
    if age > max_age:
        raise BadConfig(
            f"{found}, more than risk.model_max_age_days ({max_age.days}): the bot stays flat; `trader train` a new one"
        )
    is_old = age > _NEAR * max_age
    return Finding(found=found, advice=f"it expires after {max_age.days} days; train a new one" if is_old else "")


def of_journal(journal: Journal, *, interval: str, now: datetime, max_lateness: timedelta) -> Finding:
    """Look at the newest run, at what was left unfinished, and at the limits that were reached."""
    step = timedelta(milliseconds=interval_ms(interval))
    current = last_closed(now, interval)
    position = journal.latest(before=current + step)
    left = [each.record.key.open_time for each in position.unfinished]
    if position.open_time is None:
        return Finding(found="no run is complete yet; `trader run` does the first one")
    age = now - close_of(position.open_time, interval)
    found, advice = f"the newest run is of {position.open_time:%Y-%m-%d %H:%M} UTC, {_span(age)} after its close", []
    if age > step + max_lateness and current not in left:  # what is left of this hour is under way
        advice.append("look whether the scheduler still runs, and at its log")
    if left:
        found += f"; {len(left)} unfinished since {left[0]:%Y-%m-%d %H:%M} UTC"
    if left and left[0] < current:
        advice.append("the next run finishes what was left; look at its errors if that lasts")
    if position.state.paper.halt is not None:
        found += f"; halted: {position.state.paper.halt.why}"
        advice.append("`trader resume --why ...` once you know what happened")
    newest = journal.read(position.open_time)
    if newest is not None and newest.record.unexplained:
        found += f"; nothing is sent: {'; '.join(newest.record.unexplained)}"
        advice.append("undo that, or say `trader resume --why ...` to take the account as it is")
    return Finding(found=found, advice="; ".join(advice))


def of_control(storage: ObjectStorage) -> Finding:
    """Read the operator's switch."""
    control = read_control(storage)
    if control.mode is ControlMode.RUN:
        return Finding(found="run: the model decides")
    since = f" since {control.at:%Y-%m-%d %H:%M} UTC" if control.at else ""
    return Finding(
        found=f"{control.mode}{since}, by {control.who}: {control.why}",
        advice="`trader resume --why ...` to trade again",
    )


def _available(
    exchange: Exchange, *, rules: SymbolRules, symbols: Sequence[str], allocation: Allocation | None
) -> tuple[Decimal, Decimal]:
    """Return what a symbol may use while it holds nothing: its allocation, else its share of what is free."""
    if allocation is not None:
        return allocation.base, allocation.quote
    balances = exchange.balances()
    others = [exchange.rules(symbol) for symbol in symbols]
    users = [asset for its in others for asset in (its.base_asset, its.quote_asset)]
    base, quote = (
        balances.get(asset, ZERO) / max(users.count(asset), 1) for asset in (rules.base_asset, rules.quote_asset)
    )
    return base, quote


def _advice_on_size(rules: SymbolRules, *, notional: Decimal, price: Decimal) -> list[str]:
    advice = []
    if rules.min_notional is not None and notional < _ROOM * rules.min_notional:
        advice.append(f"sizing.notional {notional:f} is close to the smallest order ({rules.min_notional:f}); raise it")
    dust = rules.step * price / notional
    if dust > _COARSE:
        advice.append(f"one lot step is {dust:.1%} of sizing.notional, by which positions may be off; raise it")
    return advice


def _why_not(
    plan: OrderPlan, *, direction: str, rules: SymbolRules, notional: Decimal, base: Decimal, quote: Decimal
) -> str:
    what = f"no order could go {direction} with {notional:f} {rules.quote_asset}"
    if plan.not_sent is NotSent.NOT_TRADING:
        return f"{what}: {rules.symbol} is {rules.status} there; wait, or choose another symbol"
    if plan.not_sent in (NotSent.NO_BASE, NotSent.NO_QUOTE):
        has = f"{base:f} {rules.base_asset} and {quote:f} {rules.quote_asset}"
        return (
            f"{what}: {rules.symbol} may use {has}; fund the account, lower sizing.notional, or set"
            " decision.allow_short = false if only short is missing"
        )
    smallest = f"at least {rules.min_quantity:f} {rules.base_asset} in steps of {rules.step:f}"
    worth = f" worth {rules.min_notional:f} {rules.quote_asset}" if rules.min_notional is not None else ""
    return f"{what}: the exchange wants {smallest}{worth}; raise sizing.notional"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


def _span(length: timedelta) -> str:
    """Return a length of time for people."""
    seconds = length.total_seconds()
    for name, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.1f} s"
