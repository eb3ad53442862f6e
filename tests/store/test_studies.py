"""Studies are kept trial by trial, so that one that was killed goes on, and read back equal."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import START, random_klines
from trader.adapters.local_storage import LocalStorage
from trader.core.accounting import Costs
from trader.core.decision import DecisionRule, Exit, Sizing
from trader.core.errors import BadConfig, BadData, Conflict, NewerSchema
from trader.core.klines import from_ms
from trader.ml.history import build_history
from trader.ml.plan import SearchPlan, digest, study_id
from trader.ml.pool import ThreadPool
from trader.ml.recipe import Recipe
from trader.ml.search import Budget, search
from trader.ml.space import enqueued, space_of
from trader.ml.study import Study, Trial, TrialState, WhyStopped
from trader.store.studies import StudyStore

ID = "20240105T0300-0123456789"
FOLDER = f"studies/BTCUSDT/1h/{ID}"
RULE = DecisionRule(
    band=0.1,
    exit=Exit.OPPOSITE,
    allow_short=True,
    min_volatility=0.0,
    min_volume_ratio=0.0,
    sizing=Sizing.FIXED,
    target_volatility=0.01,
)
RECIPE = Recipe(features=("ma_5",), look_back_days=40, rounds=400, params={"max_depth": 3, "gamma": 2.0}, seed=1)
SPACE = space_of(with_decision=True, longest_look_back=40)
PLAN = SearchPlan(
    base=RECIPE,
    rule=RULE,
    space=SPACE,
    first=START + timedelta(days=150),
    end=START + timedelta(days=200),
    costs=Costs(fee_rate=0.001, slippage_rate=0.0),
    range_margin=1.0,
    seed=4,
    enqueued=(enqueued(RECIPE, space=SPACE, base=RECIPE, rule=RULE),),
    versions={"xgboost": "3.2.0"},
)


def trial(number, **changes) -> Trial:
    values = {
        "state": TrialState.COMPLETE,
        "parameters": {"max_depth": 3, "learning_rate": 0.1 + 0.2, "gamma": 0, "exit": "band"},
        "score": 1 / 3,
        "gross": 2 / 3,
        "net": 1 / 3,
        "round_trips": 31,
        "is_evidence": True,
        "sharpe": 1e-17,
        "folds": 2,
        "fold_scores": (0.1, -5e-324),
        "daily": (0.0, -0.0, 0.1),
        "seconds": 1.25,
    }
    return Trial(number=number, **{**values, **changes})


def study(*trials) -> Study:
    return Study(
        digest="d",
        first=PLAN.first,
        last=PLAN.end,
        folds=2,
        trials=trials,
        why_stopped=WhyStopped.SECONDS,
        seconds=9.5,
    )


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path, durable=False)


@pytest.fixture
def store(storage):
    return StudyStore(storage, symbol="BTCUSDT", interval="1h")


def begun(store, *trials):
    store.begin(ID, plan=PLAN, digest="d", now=START)
    for each in trials:
        store.add(ID, each)
    return store


def test_trials_come_back_equal_also_their_whole_numbers(store):
    failed = trial(1, state=TrialState.FAILED, score=None, gross=None, net=None, sharpe=None, why="too few rows")
    found = begun(store, trial(0), failed).trials(ID)
    assert found == (trial(0), failed)
    assert [each.seconds for each in found] == [1.25, 1.25]
    assert {name: type(value) for name, value in found[0].parameters.items()} == {
        "max_depth": int,
        "learning_rate": float,
        "gamma": int,
        "exit": str,
    }


def test_what_a_study_is_about_comes_back_equal(store):
    record = begun(store).record(ID)
    assert (record.plan, record.digest, record.begun_at, record.symbol) == (PLAN, "d", START, "BTCUSDT")
    assert store.ids() == [ID]


def test_a_study_lies_in_one_object_a_trial(store, storage):
    begun(store, trial(0), trial(1)).finish(ID, study(trial(0), trial(1)))
    assert storage.keys(f"{FOLDER}/") == [
        f"{FOLDER}/0000.json",
        f"{FOLDER}/0001.json",
        f"{FOLDER}/study.json",
        f"{FOLDER}/trials.json",
    ]
    assert store.study(ID) == study(trial(0), trial(1))
    assert store.study(ID).seconds == 9.5


def test_a_study_that_is_begun_again_goes_on_from_its_trials(store):
    assert store.begin(ID, plan=PLAN, digest="d", now=START) == ()
    begun(store, trial(0), trial(1))
    assert store.begin(ID, plan=PLAN, digest="d", now=START + timedelta(days=1)) == (trial(0), trial(1))
    assert store.record(ID).begun_at == START
    store.finish(ID, study(trial(0), trial(1)))
    store.add(ID, trial(2))  # after the end: the search was given more trials
    assert store.trials(ID) == (trial(0), trial(1), trial(2))


def test_an_id_that_belongs_to_another_study_is_refused(store):
    begun(store)
    with pytest.raises(BadData, match="is about something else"):
        store.begin(ID, plan=replace(PLAN, seed=5), digest="e", now=START)


def test_a_trial_is_never_replaced(store):
    begun(store, trial(0))
    store.add(ID, replace(trial(0), seconds=77.0))  # done twice, the same
    with pytest.raises(Conflict, match="another trial of that number"):
        store.add(ID, trial(0, score=0.5))
    assert store.trials(ID) == (trial(0),)


def test_a_shorter_study_does_not_replace_a_longer_one(store):
    begun(store, trial(0), trial(1)).finish(ID, study(trial(0), trial(1)))
    store.finish(ID, study(trial(0)))
    assert store.study(ID) == study(trial(0), trial(1))
    longer = study(trial(0), trial(1), trial(2))
    store.finish(ID, longer)
    assert store.study(ID) == longer


def test_a_damaged_missing_or_newer_trial_is_named(store, storage):
    begun(store, trial(0), trial(1))
    storage.put(f"{FOLDER}/0001.json", b'{"schema": 1, "number": 1')
    with pytest.raises(BadData, match=r"0001\.json is not complete JSON"):
        store.trials(ID)
    fields = json.loads(storage.get(f"{FOLDER}/0000.json").data)
    storage.put(f"{FOLDER}/0001.json", json.dumps({**fields, "schema": 2}).encode())
    with pytest.raises(NewerSchema, match="reads up to 1"):
        store.trials(ID)
    storage.put(f"{FOLDER}/0001.json", json.dumps(fields).encode())
    with pytest.raises(BadData, match=r"0001\.json is trial 0"):
        store.trials(ID)
    storage.delete(f"{FOLDER}/0000.json")
    with pytest.raises(BadData, match=r"0000\.json is missing"):
        store.trials(ID)


def test_a_trial_with_an_undefined_figure_is_not_written(store):
    with pytest.raises(BadData, match="NaN"):
        begun(store, trial(0, score=float("nan")))
    assert store.trials(ID) == ()


def test_an_unknown_study_and_what_is_no_id_are_refused(store):
    with pytest.raises(BadConfig, match="not a study id"):
        store.trials("../../journal")
    begun(store)
    with pytest.raises(BadConfig, match=f"begun: {ID}"):
        store.study(ID)


@pytest.mark.slow
def test_a_search_that_is_killed_between_two_trials_goes_on_from_what_is_stored(storage):
    history = build_history(random_klines(1800, seed=5, interval="4h"), names=("ma_5",))
    plan = replace(
        PLAN,
        first=from_ms(history.open_time[1400]),
        end=from_ms(history.open_time[1700]),
        base=replace(RECIPE, params={"max_depth": 2}),
    )
    name, about = study_id(plan, history), digest(plan, history)
    pool = ThreadPool(history, workers=2)
    whole = search(history, plan, budget=Budget(trials=4), pool=pool, monotonic=lambda: 0.0)

    def one_life(dies_after):
        store = StudyStore(storage, symbol="BTCUSDT", interval="4h")
        known = store.begin(name, plan=plan, digest=about, now=START)

        def keep(each):
            store.add(name, each)
            if each.number == dies_after:
                raise KeyboardInterrupt

        found = search(
            history, plan, budget=Budget(trials=4), pool=pool, monotonic=lambda: 0.0, known=known, on_trial=keep
        )
        store.finish(name, found)
        return len(known), found

    for death in (0, 2):
        with pytest.raises(KeyboardInterrupt):
            one_life(death)
    assert one_life(None) == (3, whole)
    assert StudyStore(storage, symbol="BTCUSDT", interval="4h").study(name) == whole
    pool.close()
