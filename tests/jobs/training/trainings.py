"""Trainings in a second: few trees, four trials, two months to score them on and three weeks held out."""

from datetime import timedelta

from tests.builders import random_klines, ticked
from tests.desks import SYMBOL, make_desk
from tests.ml.contests import returning_klines
from trader.adapters.clocks import VirtualClock
from trader.bootstrap import build_training
from trader.config import Settings
from trader.core.klines import Klines, close_of
from trader.jobs.bot import Desk
from trader.jobs.training.job import Trained, train
from trader.jobs.training.setup import TrainingSetup
from trader.store.studies import StudyStore

HOURS = 1000 + 24 * (40 + 60 + 21)
"""A warm-up, look-backs of up to 39 days, the searched span and the hold-out."""

NOISE = ticked(random_klines(HOURS, seed=5))
EASY = ticked(returning_klines(HOURS, seed=1))
"""Each hour takes back most of the last one's move: any recipe with enough trees finds that."""

SEARCH = {"trials": 4, "span_days": 60, "startup_trials": 2, "fewest_trees": 3, "most_trees": 8, "min_round_trips": 3}
PROMOTION = {"hold_out_days": 21, "draws": 100, "min_round_trips": 1, "min_exposure": 0.0}
TRAIN = {
    "n_estimators": 5,
    "look_back_days": 35,
    "max_depth": 3,
    "learning_rate": 0.3,
    "gamma": 0,
    "horizon": 1,
    "workers": 2,
}

TIMID = {"decision": {"band": 0.25}, "train": {"learning_rate": 0.05}, "search": {"trials": 5, "most_trees": 40}}
"""Settings whose own recipe never trades: what a search finds wins on klines that are easy."""
ALONE = {**TIMID, "search": {"trials": 1}}
"""The same, and nothing but that recipe is tried."""


class Watched:
    """A progress that remembers what it was told."""

    def __init__(self):
        self.steps, self.notes, self.finished = 0, [], 0

    def start(self, what, total):
        self.what, self.total = what, total

    def step(self, count=1):
        self.steps += count

    def note(self, text):
        self.notes.append(text)

    def finish(self):
        self.finished += 1


def settings_of(**sections) -> Settings:
    """The settings of these trainings; sections by name replace single values."""
    usual = {"search": SEARCH, "promotion": PROMOTION, "train": TRAIN, "decision": {"band": 0.0}}
    names = usual.keys() | sections.keys()
    return Settings(**{name: {**usual.get(name, {}), **sections.get(name, {})} for name in names})


def setup_of(*, progress=None, **sections) -> TrainingSetup:
    return build_training(settings_of(**sections), progress=progress or Watched())


def desk_on(folder, klines: Klines = EASY, *, hours: int | None = None, owner="test", **sections) -> Desk:
    """A desk whose clock stands just after the close of the last of so many klines, all if none are named."""
    last = klines.last if hours is None else klines[:hours].last
    clock = VirtualClock(close_of(last, klines.interval) + timedelta(seconds=5))
    return make_desk(folder, klines, clock=clock, owner=owner, rules=settings_of(**sections).rules())


def trained(desk: Desk, *, why="for a test", deadline=None, heartbeat=lambda: None, insist=False, **others) -> Trained:
    """Train; `setup` or `load` may be given, else sections of the settings."""
    load = {"load": others.pop("load")} if "load" in others else {}
    setup = others.pop("setup", None) or setup_of(**others)
    return train(desk, why=why, deadline_seconds=deadline, heartbeat=heartbeat, setup=setup, insist=insist, **load)


def studies_of(desk: Desk) -> StudyStore:
    return StudyStore(desk.bot.storage, symbol=SYMBOL, interval="1h")
