"""A person's hand on the registry: what each word changes, what it refuses, and that a run goes by it."""

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import HOUR, random_klines, ticked
from tests.desks import FIRST, another_process, make_desk, move_to_run
from trader.core.decision import DecisionRule
from trader.core.errors import BadConfig, BadData, Conflict
from trader.core.lifecycle import State
from trader.core.training import TrainingOutcome
from trader.jobs.compare_models import compare_models
from trader.jobs.models import details, overview, pin, promote, prune, rollback
from trader.jobs.run import run
from trader.jobs.train import train
from trader.store.head import Word
from trader.store.registry import Pinned

KLINES = ticked(random_klines(1460, seed=6, price=60000.0))
ANNA = {"who": "anna", "why": "she says so"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A store with three models, the first of which decides, and their ids."""
    folder = tmp_path_factory.mktemp("prepared") / "store"
    desk = make_desk(folder, KLINES)
    ids = [train(desk, last=FIRST - hours * HOUR, why="for a test").card.model_id for hours in (3, 2, 1)]
    promote(desk, ids[0], who="bot", why="the first")
    desk.bot.klines.append("BTCUSDT", KLINES)
    return folder, ids


@pytest.fixture
def ids(prepared):
    return list(prepared[1])


@pytest.fixture
def desk(prepared, tmp_path):
    """The prepared store, one's own."""
    shutil.copytree(prepared[0], tmp_path / "store")
    return make_desk(tmp_path / "store", KLINES)


def stored(desk):
    return {key: desk.bot.storage.get(key) for key in desk.bot.storage.keys("models/")}


def states(desk):
    return [each.state for each in overview(desk).models]


def test_what_a_person_promotes_decides_in_the_next_run(desk, ids):
    done = promote(desk, ids[1], **ANNA)
    assert (done.before, done.champion, done.changed, done.warning) == (ids[0], ids[1], True, "")
    assert run(another_process(desk)).record.inputs.model_id == ids[1]
    found = overview(desk)
    assert (found.champion, found.since, found.pin) == (ids[1], desk.bot.clock.now(), None)
    assert [(each.model_id, each.state, each.who) for each in found.models] == [
        (ids[0], State.RETIRED, "anna"),
        (ids[1], State.CHAMPION, "anna"),
        (ids[2], State.TRAINED, "test"),
    ]


def test_promoting_the_champion_changes_nothing(desk, ids):
    before = stored(desk)
    assert not promote(desk, ids[0], **ANNA).changed
    assert stored(desk) == before


def test_going_back_undoes_one_promotion_after_the_other(desk, ids):
    promote(desk, ids[1], **ANNA)
    promote(desk, ids[2], **ANNA)
    assert rollback(desk, **ANNA).champion == ids[1]
    assert rollback(desk, **ANNA).champion == ids[0]
    assert run(desk).record.inputs.model_id == ids[0]
    before = stored(desk)
    with pytest.raises(BadConfig, match=f"the log knows of no champion before {ids[0]}; .trader models list."):
        rollback(desk, **ANNA)
    assert stored(desk) == before


def test_without_a_champion_there_is_nothing_to_go_back_from_to_show_or_to_pin(tmp_path):
    desk = make_desk(tmp_path, KLINES)
    for attempt in (
        lambda: rollback(desk, **ANNA),
        lambda: details(desk, None),
        lambda: pin(desk, on=True, **ANNA),
    ):
        with pytest.raises(BadConfig, match="BTCUSDT 1h has no champion"):
            attempt()
    assert overview(desk).models == ()
    assert stored(desk) == {}


def test_a_pinned_champion_is_replaced_only_when_the_pin_is_let_go(desk, ids):
    promote(desk, ids[1], **ANNA)
    assert pin(desk, on=True, **ANNA)
    assert not pin(desk, on=True, **ANNA), "it was already"
    before = stored(desk)
    for attempt in (lambda: promote(desk, ids[2], **ANNA), lambda: rollback(desk, **ANNA)):
        with pytest.raises(Pinned, match=rf"champion {ids[1]} is pinned \(she says so\)"):
            attempt()
    assert stored(desk) == before
    assert rollback(desk, **ANNA, unpin=True).champion == ids[0]
    assert not overview(desk).pin
    assert promote(desk, ids[2], **ANNA).changed


def test_a_pin_is_let_go_by_a_word_of_its_own(desk, ids):
    pin(desk, on=True, **ANNA)
    assert overview(desk).pin.on
    assert pin(desk, on=False, **ANNA)
    assert promote(desk, ids[1], **ANNA).changed


def test_a_model_that_could_not_decide_is_refused_and_nothing_changes(desk, ids):
    desk.bot.storage.put(f"models/BTCUSDT/1h/{ids[1]}/model.ubj", b"damaged")
    desk.bot.storage.put(f"models/BTCUSDT/1h/{ids[2]}/card.json", b"{")
    before = stored(desk)
    for model_id, error in ((ids[1], BadData), (ids[2], BadData), ("20200101T0000-0123456789", BadConfig)):
        with pytest.raises(error):
            promote(another_process(desk), model_id, **ANNA)
    assert stored(desk) == before
    assert "is not the file its card describes" in details(another_process(desk), ids[1]).problem


def test_of_two_persons_at_once_one_is_told_to_look_again(desk, ids):
    faster = another_process(desk)
    registry, load = desk.models.registry, desk.models.load

    def overtaken(model_id):
        promote(faster, ids[2], **ANNA)
        return load(model_id)

    desk.models.load = overtaken
    with pytest.raises(Conflict, match="moved by somebody else meanwhile; look again"):
        promote(desk, ids[1], **ANNA)
    assert registry.head().model_id == ids[2]


def test_a_model_that_is_too_old_to_decide_is_promoted_with_a_warning(desk, ids):
    move_to_run(desk, FIRST + timedelta(days=400))
    assert "the bot stays flat with it" in promote(desk, ids[1], **ANNA).warning


def test_the_details_are_the_card_the_life_and_whether_it_can_be_used(desk, ids):
    promote(desk, ids[1], **ANNA)
    found = details(desk, ids[0])
    assert found.card == desk.models.card(ids[0])
    assert (found.state, found.decides, found.problem) == (State.RETIRED, False, "")
    assert [(event.to_state, event.who) for event in found.events] == [
        (State.TRAINED, "test"),
        (State.CHALLENGER, "bot"),
        (State.CHAMPION, "bot"),
        (State.RETIRED, "anna"),
    ]
    assert details(desk, None).card.model_id == ids[1]
    assert details(desk, None).decides


def test_pruning_keeps_what_decides_what_waits_and_what_ever_decided(desk, ids):
    promote(desk, ids[1], **ANNA)
    word = Word(at=FIRST, who="bot", why="it did not win")
    desk.models.registry.note_training(ids[2], outcome=TrainingOutcome.REJECTED, word=word)
    assert prune(desk, keep=1, who="anna") == ()
    assert prune(desk, keep=0, who="anna") == (ids[2],)
    assert states(desk) == [State.RETIRED, State.CHAMPION, State.REMOVED]
    assert "model.ubj is missing" in details(another_process(desk), ids[2]).problem
    with pytest.raises(BadData, match=r"model\.ubj is missing"):
        promote(another_process(desk), ids[2], **ANNA)
    assert rollback(desk, **ANNA).champion == ids[0]


def test_a_training_does_not_lift_a_pin(desk, ids):
    pin(desk, on=True, **ANNA)
    expected = desk.models.standing().stored
    with pytest.raises(Pinned):
        desk.models.registry.promote(
            desk.models.card(ids[1]), expected=expected, word=Word(at=FIRST, who="bot", why=""), ends_training=True
        )
    assert overview(desk).finished is None


def test_models_are_compared_by_what_they_decide_on_the_newest_klines(desk, ids):
    same = compare_models(desk, ids[0], ids[0])
    assert (same.decisions.klines, same.decisions.differ, same.decisions.opposite) == (460, 0.0, 0.0)
    assert (same.decisions.first, same.decisions.last) == (KLINES[1000:].first, KLINES.last)
    found = compare_models(desk, ids[0], ids[2])
    assert 0 < found.decisions.opposite <= found.decisions.differ < 1
    assert found.why_not == ""
    assert found.one.last != found.other.last


def test_each_model_decides_by_its_own_rule(desk, ids):
    """The same trees with a rule that never trades differ wherever the other one has a position."""
    rule = desk.bot.rules.decision
    calm = replace(desk.models.load(ids[0]), card=replace(desk.models.card(ids[0]), decision=_never(rule)))
    calm = replace(calm, card=replace(calm.card, model_id="20200101T0000-0123456789"))
    desk.models.save(calm)
    found = compare_models(desk, ids[0], calm.card.model_id)
    assert found.decisions.differ > 0.9
    assert found.decisions.opposite == 0


def _never(rule: DecisionRule) -> DecisionRule:
    return replace(rule, min_volatility=1e9)


def test_cards_are_compared_also_where_decisions_cannot_be(desk, ids):
    for key in desk.bot.storage.keys("klines/"):
        desk.bot.storage.delete(key)
    found = compare_models(desk, ids[0], ids[1])
    assert found.decisions is None
    assert "0 klines are stored" in found.why_not
    desk.bot.storage.delete(f"models/BTCUSDT/1h/{ids[1]}/model.ubj")
    gone = compare_models(another_process(desk), ids[0], ids[1])
    assert (gone.one.model_id, gone.other.model_id) == (ids[0], ids[1])
    assert "model.ubj is missing" in gone.why_not
    with pytest.raises(BadConfig, match="there is no model"):
        compare_models(desk, ids[0], "20200101T0000-0123456789")
