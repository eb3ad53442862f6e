"""What the service answers, without a word of HTTP: predictions that are kept, models, health, figures.

What was read from the store and the market is used again for `api.refresh_seconds`, by whoever asks. All of it blocks:
the routes call it in threads. A prediction of one symbol is made by one thread at a time.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

from trader.cli.api.figures import Figures, figures_of
from trader.cli.api.world import World
from trader.core.errors import TraderError
from trader.core.klines import close_of, last_closed
from trader.jobs.bot import Desk
from trader.jobs.models import Overview, overview
from trader.jobs.predict import predict_latest, predict_row
from trader.ports import ObjectStorage
from trader.store.predictions import KeptPrediction, Prediction, Subject, keep_prediction
from trader.version import running

log = logging.getLogger(__name__)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the store can be read, the newest run of each symbol with its age in seconds, and nothing more."""

    readable: bool
    runs: Mapping[str, tuple[datetime | None, float | None]]


class Recent(Generic[Value]):
    """The newest answer to a question, used again for some seconds; errors are not remembered."""

    def __init__(self, ask: Callable[[], Value], *, seconds: float, monotonic: Callable[[], float]) -> None:
        self._ask = ask
        self._seconds = seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._answer: tuple[Value, float] | None = None

    def get(self, *, unless: Callable[[Value], bool] = lambda _: False) -> Value:
        """Return the answer, a new one when it is too old or `unless` it still holds."""
        with self._lock:
            now = self._monotonic()
            if self._answer is None or now - self._answer[1] >= self._seconds or unless(self._answer[0]):
                self._answer = self._ask(), now
            return self._answer[0]


class Service:
    """The service over a world; what may be asked of several threads at once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seconds = world.settings.api.refresh_seconds
        self.symbols = world.settings.symbols
        self.interval = world.settings.bot.interval
        self.served = {(symbol, subject): 0 for symbol in self.symbols for subject in Subject}
        self._count = threading.Lock()
        self._latest = {symbol: self._recent(partial(self._predict, symbol)) for symbol in self.symbols}
        self._desks: dict[str, Desk] = {}
        self._turns = {symbol: threading.Lock() for symbol in self.symbols}
        self._health = self._recent(self._look)
        self._figures = self._recent(self._measure)

    def _recent(self, ask: Callable[[], Value]) -> Recent[Value]:
        return Recent(ask, seconds=self._seconds, monotonic=self._world.host.monotonic)

    def _desk(self, symbol: str) -> Desk:
        """Return the desk of a symbol: the same one as long as the bot is, for it remembers what it has loaded."""
        bot = self._world.bot()
        desk = self._desks.get(symbol)
        if desk is None or desk.bot is not bot:
            desk = self._desks[symbol] = Desk(bot=bot, symbol=symbol)
        return desk

    def _predict(self, symbol: str) -> Prediction:
        with self._turns[symbol]:
            return predict_latest(self._desk(symbol))

    def latest(self, symbol: str) -> bytes:
        """Return the prediction of the newest closed kline, as it is kept."""
        return self._keep(self._latest[symbol].get(unless=self._is_over))

    def row(self, symbol: str, features: Mapping[str, float]) -> bytes:
        """Return the prediction of a given row, as it is kept. Raises UnfitRow."""
        with self._turns[symbol]:
            prediction = predict_row(self._desk(symbol), features)
        return self._keep(prediction)

    def _is_over(self, prediction: Prediction) -> bool:
        """Tell whether another kline has closed since."""
        return last_closed(self._world.bot().clock.now(), self.interval) != prediction.open_time

    def _keep(self, prediction: Prediction) -> bytes:
        at = self._world.host.now()
        kept = KeptPrediction(
            prediction_id=f"{at:%Y%m%dT%H%M%S}-{uuid.uuid4().hex}",
            at=at,
            versions=self._world.bot().versions,
            prediction=prediction,
        )
        data = keep_prediction(self._world.audit, kept)
        with self._count:
            self.served[prediction.symbol, prediction.subject] += 1
        return data

    def models(self) -> list[Overview]:
        """Return the models of every symbol."""
        return [overview(self._desk(symbol)) for symbol in self.symbols]

    def health(self) -> Health:
        """Return whether the store can be read."""
        return self._health.get()

    def _look(self) -> Health:
        try:
            self._world.check()
            return Health(readable=True, runs={symbol: self._newest(symbol) for symbol in self.symbols})
        except TraderError as error:
            log.warning("the store cannot be read: %s", error)
            return Health(readable=False, runs={})

    def _newest(self, symbol: str) -> tuple[datetime | None, float | None]:
        desk = self._desk(symbol)
        newest = desk.journal.newest()
        if newest is None:
            return None, None
        return newest, (self._world.now() - close_of(newest, self.interval)).total_seconds()

    def figures(self) -> dict[str, Figures]:
        """Return what is measured of every symbol that had a run. Raises TraderError when the store does not answer."""
        return self._figures.get()

    def _measure(self) -> dict[str, Figures]:
        found = {symbol: figures_of(self._desk(symbol), now=self._world.now()) for symbol in self.symbols}
        return {symbol: each for symbol, each in found.items() if each is not None}

    @property
    def storage(self) -> ObjectStorage:
        """The store, to be read."""
        return self._world.storage

    @property
    def version(self) -> str:
        """The version of this program."""
        return running().version
