"""The walk-forward test over stored klines: which hours are decided, by what, and what must be refused."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np
import pytest

from tests.builders import HOUR, START, Quiet, random_klines, ticked, without
from tests.core.evaluation.streams import COSTS
from tests.ml.test_walkforward import NAMES, RECIPE, RULE
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadConfig, BadData
from trader.core.evaluation.stream import Stream
from trader.core.indicators import WARM_UP
from trader.core.klines import checked, concat, fill_gaps
from trader.jobs.walk_forward import WalkForward, by_hand, run_walk_forward
from trader.ml.pool import ThreadPool
from trader.ml.walkforward import Spans
from trader.store.klines import KlineStore

HOURS = 2700
KLINES = without(ticked(random_klines(HOURS, seed=5)), 1300, 1301, 1302, 1600)
FIRST = START + (WARM_UP + 480) * HOUR
"""The first kline that has a warm-up and the recipe's 20 days before it."""
TEST = WalkForward(
    symbol="BTCUSDT",
    interval="1h",
    start=FIRST,
    end=START + HOURS * HOUR,
    recipe=RECIPE,
    rule=RULE,
    costs=COSTS,
    range_margin=1.0,
)


class Seen(Quiet):
    """A progress that remembers what it was told."""

    def __init__(self):
        self.total, self.steps, self.is_over = 0, 0, False

    def start(self, what, total):
        self.total = total

    def step(self, count=1):
        self.steps += count

    def finish(self):
        self.is_over = True


def stored(folder, klines=KLINES):
    store = KlineStore(LocalStorage(folder, durable=False))
    store.append("BTCUSDT", klines)
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("klines"))


def walked(store, test=TEST, *, workers=2, progress=None):
    return run_walk_forward(
        test, store=store, open_pool=partial(ThreadPool, workers=workers), progress=progress or Quiet()
    )


def hours(stream: Stream):
    return (stream.first - START) // HOUR, (stream.last - START) // HOUR


def test_common_spans_decide_from_the_start_on_and_the_last_hour_has_no_return_yet(store):
    found = walked(store)
    assert hours(found.stream) == (1480, 2698)
    assert found.folds == 2
    assert found.evaluation.metrics.klines == len(found.stream) == 2699 - 1480
    assert found.evaluation.calibration.rows == np.isfinite(found.stream.labels).sum()
    assert [column.name for column in found.importance.columns] == list(NAMES)
    assert found.evaluation.luck.deflated is None


def test_tutorial_spans_and_a_longest_look_back_train_on_nothing_before_the_start(store):
    origin = START + WARM_UP * HOUR
    assert hours(walked(store, replace(TEST, start=origin, spans=Spans.TUTORIAL)).stream)[0] == 1000 + 480
    assert hours(walked(store, replace(TEST, start=origin, longest_look_back_days=25)).stream)[0] == 1000 + 600


def test_every_recipe_within_the_longest_look_back_decides_the_same_hours(store):
    test = replace(TEST, start=START + WARM_UP * HOUR, longest_look_back_days=30)
    shorter = replace(test, recipe=replace(RECIPE, look_back_days=10))
    assert walked(store, test).stream.open_time.tolist() == walked(store, shorter).stream.open_time.tolist()


def test_a_recipe_with_a_rule_of_its_own_trades_by_it(store):
    own = replace(RECIPE, decision=replace(RULE, band=0.2))
    assert (
        walked(store, replace(TEST, recipe=own)).stream.exposure.tolist()
        == walked(store, replace(TEST, rule=replace(RULE, band=0.2))).stream.exposure.tolist()
        != walked(store).stream.exposure.tolist()
    )


def test_workers_change_nothing_and_every_fit_is_shown(store):
    progress = Seen()
    one, two = walked(store, workers=1, progress=progress), walked(store, workers=2)
    assert one.stream.net.tobytes() == two.stream.net.tobytes()
    assert (one.evaluation, one.importance) == (two.evaluation, two.importance)
    assert (progress.total, progress.steps, progress.is_over) == (4, 4, True)  # two folds, and once more each


def test_what_is_stored_after_the_end_is_not_read(tmp_path, store):
    end = START + 2400 * HOUR
    poisoned = fill_gaps(KLINES)
    columns = {name: column.copy() for name, column in poisoned.columns()}
    for name in ("open", "high", "low", "close"):
        columns[name][2400:] *= 3.0
    other = stored(tmp_path / "poisoned", checked(interval="1h", **columns).real)
    honest, later = walked(store, replace(TEST, end=end)), walked(other, replace(TEST, end=end))
    assert hours(honest.stream) == (1480, 2398)
    assert honest.stream.net.tobytes() == later.stream.net.tobytes()
    assert honest.evaluation == later.evaluation


def test_a_gap_at_the_end_of_what_is_decided_is_filled(tmp_path):
    later = random_klines(50, seed=9, start=START + 2750 * HOUR)
    store = stored(tmp_path, concat([KLINES, later], "1h"))
    stream = walked(store, replace(TEST, end=START + 2740 * HOUR)).stream
    assert hours(stream) == (1480, 2738)
    assert not stream.scorable[-38:].any()


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"start": FIRST - HOUR}, BadData, "trader ingest --symbol BTCUSDT --start 2023-12"),
        ({"end": START + 2701 * HOUR}, BadData, "trader ingest"),
        ({"symbol": "ETHUSDT"}, BadData, "nothing is stored"),
        ({"start": START + 2500 * HOUR, "spans": Spans.TUTORIAL}, BadData, "no hour to decide"),
        ({"start": START + 1100 * HOUR, "longest_look_back_days": 10}, BadConfig, "looks back 20 days, further than"),
        ({"longest_look_back_days": 30, "spans": Spans.TUTORIAL}, BadConfig, "leave it out"),
        ({"trials": 0}, BadConfig, "0 trials"),
    ],
)
def test_spans_that_cannot_be_meant_or_are_not_stored_are_refused(store, changes, error, says):
    with pytest.raises(error, match=says):
        walked(store, replace(TEST, **changes))


def test_a_horizon_moves_the_first_training_row_back_with_it(store):
    test = replace(TEST, recipe=replace(RECIPE, horizon=6))
    with pytest.raises(BadData, match="trader ingest"):
        walked(store, test)
    found = walked(store, replace(test, start=FIRST + timedelta(hours=5)))
    assert hours(found.stream)[0] == 1485


def test_trials_counted_by_hand_are_taken_as_independent_and_worthless(store):
    stream = walked(store).stream
    info = by_hand(7, stream)
    assert (info.raw, info.effective) == (7, 7.0)
    assert info.sharpe_variance == 1 / (len(stream) - 1)
    assert by_hand(None, stream) is None
    deflated = walked(store, replace(TEST, trials=7)).evaluation.luck.deflated
    assert deflated.trials == info
    assert deflated.probability < walked(store).evaluation.luck.probability
