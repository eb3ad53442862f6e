"""The composition root: settings in, a bot out. The only place that names adapters, and that chooses between them."""

import os
import platform
import re
import socket
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from trader.adapters.clocks import ServerClock, VirtualClock, WallClock
from trader.adapters.closed_exchange import ClosedExchange
from trader.adapters.local_storage import LocalStorage
from trader.adapters.recorded_market import RecordedMarket
from trader.adapters.simulated_exchange import SimulatedExchange
from trader.adapters.synthetic_market import SyntheticMarket
from trader.config import Executor, Mode, Settings
from trader.core.accounting import Costs
from trader.core.errors import BadConfig
from trader.core.indicators import feature_names
from trader.core.journal import Origin
from trader.core.klines import Klines, close_of, from_ms, interval_ms, to_ms
from trader.core.risk import OnHalt
from trader.jobs.bot import Bot, Desk
from trader.jobs.doctor import Setup
from trader.ml.pool import Pool, ThreadPool
from trader.ml.recipe import Ensemble, Recipe
from trader.ports import Clock, Exchange, KlineArchive, Market, ObjectStorage
from trader.simulator.rules import usual_rules
from trader.simulator.venue import VenueSettings
from trader.store.control import Stamp
from trader.store.journal import Journal
from trader.store.klines import KlineStore
from trader.version import running

if TYPE_CHECKING:
    from trader.jobs.training.setup import SearchProgress, TrainingSetup

Data = TypeVar("Data")


def open_storage(settings: Settings, *, durable: bool = True) -> ObjectStorage:
    """Return the object storage of `storage.url`. Raises BadConfig for an address of an unknown kind."""
    url = settings.storage_url
    parts = urlsplit(url)
    if parts.scheme == "s3":
        from trader.adapters.s3_storage import S3Storage, parse_s3_url  # noqa: PLC0415 - only who uses it pays for it

        bucket, prefix = parse_s3_url(url)
        return S3Storage(bucket, prefix, account=settings.storage.aws_account)
    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()  # what is before an @ may be a password
    if parts.scheme not in ("", "file"):
        raise BadConfig(
            f"storage.url {shown!r}: {parts.scheme}:// is not supported; use a folder, file:///path or s3://bucket/prefix"
        )
    if parts.scheme and (parts.netloc not in ("", "localhost") or parts.query or parts.fragment or not parts.path):
        raise BadConfig(f"storage.url {shown!r}: write file:///absolute/path (three slashes) or a plain path")
    path = unquote(parts.path) if parts.scheme else url
    return LocalStorage(Path(path).expanduser().absolute(), durable=durable)


def open_archive(address: str) -> KlineArchive:
    """Return the kline archive at a URL or in a folder."""
    from trader.adapters.kline_archive import FolderArchive, HttpArchive  # noqa: PLC0415 - not needed by a run

    if address.startswith(("http://", "https://")):
        return HttpArchive(address)
    return FolderArchive(Path(address).expanduser())


def build_bot(settings: Settings, *, at: datetime | None = None, live: bool = False) -> Bot:
    """Return the bot that the settings describe, with the clock at `at` if one is given.

    `live` is for who decides and trades: the time is the market's own, and testnet mode needs its key. Everybody else
    goes by this machine's time and asks nobody.
    """
    if at is not None and settings.bot.mode is Mode.TESTNET:
        raise BadConfig("--at is for demo and dry-run: on the testnet an order is sent now, whatever time is given")
    storage = open_storage(settings)
    market, clock = _open_market(settings, storage=lambda: storage, at=at, live=live)
    exchange = None
    if settings.bot.mode is Mode.TESTNET:
        exchange = open_exchange(settings) if live else ClosedExchange()
    return _assemble(settings, storage=storage, market=market, clock=clock, symbols=settings.symbols, exchange=exchange)


def _open_market(
    settings: Settings, *, storage: Callable[[], ObjectStorage], at: datetime | None, live: bool
) -> tuple[Market, Clock]:
    """Return the market and the clock that a run goes by; only the demo's clock needs the storage."""
    if settings.bot.mode is Mode.DEMO:
        made_up = VirtualClock(at or demo_now(settings, storage()))
        return SyntheticMarket(seed=settings.demo.seed, clock=made_up), made_up
    from trader.adapters.binance.market import BinanceMarket  # noqa: PLC0415 - costs 250 ms

    server = ServerClock(lambda: binance.server_time())  # noqa: PLW0108 - the market and its clock need each other
    clock: Clock = VirtualClock(at) if at else server if live else WallClock()
    binance = BinanceMarket(settings.market.base_url, clock=clock)
    return binance, clock


def build_setup(settings: Settings) -> Setup:
    """Return what the doctor looks at; nothing is opened yet, so that one broken part hides no other."""
    storage = cache(lambda: open_storage(settings))
    mode = settings.bot.mode
    return Setup(
        stamp=Stamp(bot_id=settings.bot.id, mode=mode, interval=settings.bot.interval, market=_market_id(settings)),
        symbols=settings.symbols,
        store=re.sub(r"//[^/]*@", "//***@", settings.storage_url),  # what stands before an @ may be a password
        notional=settings.sizing.notional,
        rules=settings.rules(),
        host=WallClock(),
        is_timed=mode is not Mode.DEMO,
        storage=storage,
        market=cache(lambda: _open_market(settings, storage=storage, at=None, live=True)),
        exchange=cache(lambda: open_exchange(settings)) if mode is Mode.TESTNET else None,
    )


def open_exchange(settings: Settings) -> Exchange:
    """Return the test venue of the settings. Raises BadConfig for a venue that may not be used, or without a key."""
    from trader.adapters.binance.exchange import BinanceExchange  # noqa: PLC0415 - costs 250 ms
    from trader.adapters.binance.venues import check_venue  # noqa: PLC0415

    chosen = settings.exchange
    check_venue(chosen.base_url)
    key, secret = chosen.api_key.get_secret_value(), chosen.api_secret.get_secret_value()
    if not key or not (secret or chosen.private_key):
        raise BadConfig(
            "bot.mode testnet needs a key of the test venue; set TRADER__EXCHANGE__API_KEY and"
            " TRADER__EXCHANGE__API_SECRET (or TRADER__EXCHANGE__PRIVATE_KEY, the file of an Ed25519 key)"
        )
    return BinanceExchange(
        chosen.base_url,
        api_key=key,
        api_secret=secret or None,
        private_key=chosen.private_key,
        host=WallClock(),
        recv_window=timedelta(milliseconds=chosen.recv_window_ms),
        lag=timedelta(seconds=chosen.lag_seconds),
    )


def demo_now(settings: Settings, storage: ObjectStorage) -> datetime:
    """Return the demo's time: just after the close of the hour that follows the newest run."""
    symbol, interval = settings.symbols[0], settings.bot.interval
    newest = Journal(storage, bot_id=settings.bot.id, symbol=symbol, interval=interval).newest()
    step = interval_ms(interval)
    start = from_ms(to_ms(settings.demo.start) // step * step)
    hour = newest + timedelta(milliseconds=step) if newest else start
    return close_of(hour, interval) + timedelta(seconds=5)


def build_replay(
    settings: Settings,
    *,
    klines: Klines,
    symbol: str,
    scratch: Path,
    on_halt: OnHalt,
    resume_after: timedelta | None,
) -> tuple[Desk, VirtualClock]:
    """Return a bot on recorded klines and scratch storage, and the clock that moves it."""
    storage = LocalStorage(scratch.absolute(), durable=False)
    clock = VirtualClock(from_ms(klines.open_time[0]))
    market = RecordedMarket(klines={symbol: klines}, rules={symbol: usual_rules(symbol)}, clock=clock)
    bot = _assemble(settings, storage=storage, market=market, clock=clock, symbols=(symbol,))
    risk = replace(bot.rules.risk, on_halt=on_halt, resume_after=resume_after)
    bot = replace(bot, mode="replay", origin=Origin.REPLAY, rules=replace(bot.rules, risk=risk))
    return Desk(bot=bot, symbol=symbol), clock


def _assemble(
    settings: Settings,
    *,
    storage: ObjectStorage,
    market: Market,
    clock: Clock,
    symbols: tuple[str, ...],
    exchange: Exchange | None = None,
) -> Bot:
    lateness = timedelta(minutes=settings.risk.max_lateness_minutes)
    # Waiting costs nothing where both clock and market are ours: there a run waits until it knows that the hour never
    # comes. A real market is asked as often as a real clock would have it asked.
    is_ours = isinstance(clock, VirtualClock) and isinstance(market, RecordedMarket | SyntheticMarket)
    return Bot(
        bot_id=settings.bot.id,
        mode=settings.bot.mode,
        interval=settings.bot.interval,
        symbols=symbols,
        origin=Origin.LIVE,
        market_id=_market_id(settings),
        owner=f"{socket.gethostname()}:{uuid.uuid4().hex[:12]}",
        rules=settings.rules(),
        notional=settings.sizing.notional,
        recipe=recipe_of(settings),
        max_lateness=lateness,
        wait=lateness + timedelta(minutes=1) if is_ours else timedelta(seconds=settings.market.wait_seconds),
        lease=timedelta(seconds=settings.run.lease_seconds),
        versions=versions(),
        storage=storage,
        market=market,
        exchange=exchange or SimulatedExchange(storage=storage, market=market, clock=clock, venue=venue_of(settings)),
        clock=clock,
        host=WallClock(),
        klines=KlineStore(storage),
    )


def _market_id(settings: Settings) -> str:
    """Return what must not change under a store besides bot, mode and interval: the demo's seed, the test venue."""
    if settings.bot.mode is Mode.DEMO:
        return f"seed {settings.demo.seed}"
    if settings.bot.mode is Mode.TESTNET:
        return f"orders to {urlsplit(settings.exchange.base_url).hostname}"
    return ""


def recipe_of(settings: Settings) -> Recipe:
    """Return how a model is made."""
    train = settings.train
    return Recipe(
        features=feature_names(train.features),
        look_back_days=train.look_back_days,
        rounds=train.n_estimators,
        params={
            "max_depth": train.max_depth,
            "learning_rate": train.learning_rate,
            "subsample": train.subsample,
            "colsample_bytree": train.colsample_bytree,
            "gamma": train.gamma,
        },
        seed=train.seed,
        horizon=train.horizon,
        weighting=train.weighting,
        max_bin=train.max_bin,
        ensemble=Ensemble(kind=train.ensemble, size=train.ensemble_size),
    )


def venue_of(settings: Settings) -> VenueSettings:
    """Return what the simulated exchange is like."""
    simulator = settings.simulator
    return VenueSettings(
        commission_rate=Decimal(str(simulator.commission_rate)),
        half_spread_rate=Decimal(str(simulator.half_spread_rate)),
        level_notional=simulator.level_notional,
        levels=simulator.levels,
        start_quote=simulator.start_quote,
        start_base_notional=simulator.start_base_notional,
    )


def build_training(settings: Settings, *, progress: "SearchProgress") -> "TrainingSetup":
    """Return what a training is configured with. Only who trains loads what that takes."""
    from trader.jobs.training.setup import TrainingSetup  # noqa: PLC0415
    from trader.ml.pruning import PruningRule  # noqa: PLC0415

    search, promotion = settings.search, settings.promotion
    if search.fewest_trees > search.most_trees:
        raise BadConfig(
            f"search.fewest_trees is {search.fewest_trees}, search.most_trees {search.most_trees}; raise the latter"
        )
    return TrainingSetup(
        recipe=recipe_of(settings),
        objective=search.objective,
        trials=search.trials,
        seconds=search.seconds,
        seed=settings.train.seed,
        startup_trials=search.startup_trials,
        pruning=PruningRule(kind=search.pruner, warm_up_trials=search.pruner_trials, warm_up_folds=search.pruner_folds),
        searches_rule=search.decision,
        evaluation_days=search.span_days,
        trees=(search.fewest_trees, search.most_trees),
        longest_look_back_days=search.longest_look_back_days,
        min_round_trips=search.min_round_trips,
        hold_out_days=promotion.hold_out_days,
        gate=promotion.gate(),
        checks=promotion.checks(),
        policy=promotion.policy,
        renew_after=timedelta(days=settings.retrain.max_model_age_days or 36_500),
        keep=settings.models.keep,
        open_pool=partial(open_pool, settings),
        progress=progress,
    )


def open_pool(settings: Settings, data: Data) -> Pool[Data]:
    """Return the workers that `train.executor` names; they hold the data already. Whoever opened them closes them."""
    train = settings.train
    workers = train.workers or _cores()
    if train.executor is Executor.THREADS:
        return ThreadPool(data, workers=workers)
    if train.executor is Executor.PROCESSES:
        from trader.adapters.pools.processes import ProcessPool  # noqa: PLC0415 - only who uses it pays for it

        return ProcessPool(data, workers=workers)
    if not train.dask_address:
        raise BadConfig("train.executor = dask needs train.dask_address (TRADER__TRAIN__DASK_ADDRESS), tcp://host:8786")
    try:
        from trader.adapters.pools.cluster import DaskPool  # noqa: PLC0415 - costs half a second, and is optional
    except ModuleNotFoundError as error:
        raise BadConfig(
            f"train.executor = dask: {error}; do: pip install --require-hashes -r requirements-dist.txt, or build the"
            " image with --build-arg EXTRAS=dist"
        ) from error
    return DaskPool(data, address=train.dask_address)


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Return what the numbers of a run depend on; `commit` is "" where nobody knows it."""
    import numpy as np  # noqa: PLC0415
    import talib  # noqa: PLC0415
    import xgboost  # noqa: PLC0415

    program = running()
    return {
        "trader": program.version,
        "commit": program.commit,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "talib": talib.__version__,
        "xgboost": xgboost.__version__,
        "machine": platform.machine(),
    }


def costs_of(settings: Settings) -> Costs:
    """Return the costs that belong beside every figure."""
    return settings.rules().costs
