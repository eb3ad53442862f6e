"""The doctor: is everything in place that a run needs? It never trades, and leaves the store as it found it.

A check is a value: a name, a verdict, what was found and what to do. One that fails does not keep the others from being
made, except those that need what has failed; these are not looked at, and say so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from trader.core.errors import BadData, Retryable, TraderError
from trader.core.strategy import Rules
from trader.jobs import checkups, checkups_beside
from trader.jobs.checkups import Finding
from trader.ports import Clock, Exchange, Market, ObjectStorage
from trader.store.control import Stamp
from trader.store.journal import Journal
from trader.store.models import ModelStore


class Verdict(StrEnum):
    """How a check came out; a warning is something to look at that keeps no run from its work."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check; `advice` is empty when nothing needs to be done, `error` is there when it failed."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""
    error: TraderError | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is configured, and how to reach it. A part is opened when it is first asked for, and may fail to be.

    `market` gives the market with the clock that runs go by, which is made up where `is_timed` is False. `exchange` is
    None where orders are simulated. `store` is the storage's address for people, `host` this machine's clock. `beside`
    are checks of what runs do not need (trackers, notices, the disk), by name; `versions` says what runs here.
    """

    stamp: Stamp
    symbols: tuple[str, ...]
    store: str
    notional: Decimal
    rules: Rules
    host: Clock
    is_timed: bool
    storage: Callable[[], ObjectStorage]
    market: Callable[[], tuple[Market, Clock]]
    exchange: Callable[[], Exchange] | None
    max_lateness: timedelta = timedelta(minutes=15)
    beside: Mapping[str, Callable[[], Finding]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    has_dashboard: bool = False


def examine(setup: Setup) -> list[Check]:
    """Return all checks, in the order in which a person should look at them."""
    visit = _Visit(setup)
    visit.look("settings", lambda: _settings(setup))
    visit.look("storage", lambda: checkups.of_storage(setup.storage(), mine=setup.stamp, host=setup.host))
    visit.look("conditional writes", lambda: checkups.of_writes(setup.storage(), host=setup.host), "storage")
    visit.look("market", lambda: _market(setup))
    visit.look("market's clock", lambda: _clock(setup, lambda: setup.market()[1]), "market")
    visit.look("exchange", lambda: _exchange(setup))
    if setup.exchange is not None:
        visit.look("exchange's clock", lambda: _clock(setup, setup.exchange), "exchange")
    now = setup.host.now() if visit.has_failed("market") else setup.market()[1].now()
    for symbol in setup.symbols:
        visit.look_at(symbol, now=now)
    if setup.versions:
        newest = setup.symbols[0]
        journal = (
            None if visit.has_failed("storage") or visit.has_failed(f"{newest} journal") else _journal(setup, newest)
        )
        visit.look("versions", lambda: checkups_beside.of_versions(setup.versions, journal=journal))
    for name, look in setup.beside.items():
        visit.look(name, look)
    visit.look("control", lambda: checkups.of_control(setup.storage()), "storage")
    return list(visit.checks.values())


class _Visit:
    """The checks that were made so far, by name."""

    def __init__(self, setup: Setup) -> None:
        self.checks: dict[str, Check] = {}
        self._setup = setup

    def has_failed(self, name: str) -> bool:
        return self.checks[name].verdict is Verdict.FAILED

    def look(self, name: str, ask: Callable[[], Finding], *needs: str) -> None:
        """Make a check, unless one that it needs has failed."""
        broken = [need for need in needs if self.has_failed(need)]
        self.checks[name] = _not_looked_at(name, broken) if broken else _check(name, ask)

    def look_at(self, symbol: str, *, now: datetime) -> None:
        """Make the checks of one symbol."""
        setup, interval = self._setup, self._setup.stamp.interval

        def klines() -> Finding:
            return checkups.of_klines(setup.market()[0], symbol=symbol, interval=interval, now=now)

        def orders() -> Finding:
            # Without the storage a symbol's share of the account is not known, but its rules are.
            journal = None if self.has_failed("storage") else _journal(setup, symbol)
            return _orders(setup, symbol, journal=journal)

        def model() -> Finding:
            models = ModelStore(setup.storage(), symbol=symbol, interval=interval)
            return checkups.of_model(models, now=now, max_age=setup.rules.risk.model_max_age)

        def journal() -> Finding:
            return checkups.of_journal(
                _journal(setup, symbol), interval=interval, now=now, max_lateness=setup.max_lateness
            )

        def telling() -> Finding:
            return checkups_beside.of_telling(
                setup.storage(),
                symbol=symbol,
                interval=interval,
                journal=_journal(setup, symbol),
                has_dashboard=setup.has_dashboard,
            )

        self.look(f"{symbol} klines", klines, "market")
        self.look(f"{symbol} orders", orders, "market", "exchange", f"{symbol} klines")
        self.look(f"{symbol} model", model, "storage")
        self.look(f"{symbol} journal", journal, "storage")
        if setup.has_dashboard or any(name.startswith("tracker") for name in setup.beside):
            self.look(f"{symbol} telling", telling, "storage", f"{symbol} journal")


def failed(name: str, error: TraderError) -> Check:
    """Return the check that an error ended: what is wrong, and apart from it what the error's message advises."""
    found, _, advice = str(error).rpartition("; ")
    if not found:
        found, advice = str(error), _advice(error)
    return Check(name=name, verdict=Verdict.FAILED, found=found, advice=advice, error=error)


def _check(name: str, ask: Callable[[], Finding]) -> Check:
    try:
        finding = ask()
    except TraderError as error:
        return failed(name, error)
    verdict = Verdict.WARNING if finding.advice else Verdict.OK
    return Check(name=name, verdict=verdict, found=finding.found, advice=finding.advice)


def _not_looked_at(name: str, broken: list[str]) -> Check:
    missing = " and ".join(broken)
    return Check(
        name=name,
        verdict=Verdict.WARNING,
        found=f"not looked at: it needs the {missing}",
        advice=f"mend {missing} first",
    )


def _advice(error: TraderError) -> str:
    if isinstance(error, Retryable):
        return "try again later; if it lasts, check the network"
    return "restore it from a backup" if isinstance(error, BadData) else "correct it"


def _settings(setup: Setup) -> Finding:
    stamp = setup.stamp
    return Finding(
        found=f"bot {stamp.bot_id!r}, mode {stamp.mode}, {', '.join(setup.symbols)} every {stamp.interval}, notional"
        f" {setup.notional:f}, store {setup.store}"
    )


def _market(setup: Setup) -> Finding:
    _, clock = setup.market()
    now = clock.now()  # asks the server, where there is one
    return Finding(found=f"it answers; its time is {now:%Y-%m-%d %H:%M:%S} UTC")


def _exchange(setup: Setup) -> Finding:
    if setup.exchange is None:
        return Finding(found=f"simulated in {setup.stamp.mode} mode; it needs no key")
    held = setup.exchange().balances()
    return Finding(found=f"{setup.stamp.market}: the key is accepted, the account holds {len(held)} assets")


def _clock(setup: Setup, other: Callable[[], Clock | Exchange] | None) -> Finding:
    if not setup.is_timed or other is None:
        return Finding(found="made up: one hour a run, whatever this machine's clock says")
    return checkups.of_clock(setup.host, other=other())


def _orders(setup: Setup, symbol: str, *, journal: Journal | None) -> Finding:
    state = journal.state() if journal is not None else None
    return checkups.of_orders(
        symbol=symbol,
        symbols=setup.symbols,
        notional=setup.notional,
        allow_short=setup.rules.decision.allow_short,
        market=setup.market()[0],
        exchange=setup.exchange() if setup.exchange is not None else None,
        allocation=None if state is None else state.allocation,
    )


def _journal(setup: Setup, symbol: str) -> Journal:
    return Journal(setup.storage(), bot_id=setup.stamp.bot_id, symbol=symbol, interval=setup.stamp.interval)
