"""One head says who decides; the log follows it, whoever is killed, however many write at once."""

import json
from dataclasses import replace

import pytest

from tests.builders import HOUR, START
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadConfig, BadData, Conflict, NewerSchema, Retryable
from trader.core.lifecycle import State
from trader.core.training import TrainingOutcome
from trader.ml.card import ModelCard
from trader.store.codec import to_json
from trader.store.head import Word
from trader.store.registry import Pinned, Registry

FOLDER = "models/BTCUSDT/1h"
HEAD = f"{FOLDER}/champion.json"
CARD = ModelCard(
    model_id="A",
    symbol="BTCUSDT",
    interval="1h",
    features=("rsi7",),
    params={"max_depth": 3},
    rounds=8,
    seed=1,
    first=START,
    last=START + 100 * HOUR,
    rows=100,
    label_rate=0.5,
    feature_low=(0.0,),
    feature_high=(100.0,),
    klines_digest="",
    model_sha256="",
    created_at=START,
    versions={},
)
REJECTED, CHALLENGER, PROMOTED, FAILED = (
    TrainingOutcome(name) for name in ("rejected", "challenger", "promoted", "failed")
)


class Killed(BaseException):
    """The process is gone: nothing of its own runs any more."""


class Mortal(LocalStorage):
    """A storage whose process dies at its n-th write (from 1 on), just before or just after it."""

    at, after, writes = 0, False, 0

    def create(self, key, data):
        return self._around(super().create, key, data)

    def replace(self, key, data, etag):
        return self._around(super().replace, key, data, etag)

    def delete(self, key):
        return self._around(super().delete, key)

    def _around(self, write, *arguments):
        self.writes += 1
        if self.writes == self.at and not self.after:
            raise Killed
        answer = write(*arguments)
        if self.writes == self.at:
            raise Killed
        return answer


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path, durable=False)


@pytest.fixture
def registry(storage):
    return fresh(storage)


def fresh(storage):
    """The registry as another process sees it."""
    return Registry(storage, symbol="BTCUSDT", interval="1h")


def card(model_id):
    return replace(CARD, model_id=model_id)


def word(why="so", *, hours=0, who="me"):
    return Word(at=START + hours * HOUR, who=who, why=why)


def promote(registry, model_id, **options):
    return registry.promote(card(model_id), expected=registry.read(), **{"word": word(), **options})


def log(registry):
    return [f"{event.model_id} {event.from_state or 'new'} > {event.to_state}" for event in registry.events()]


def written(storage):
    """The steps as they lie in the store, without what would follow from the head."""
    events = (json.loads(storage.get(key).data) for key in storage.keys(f"{FOLDER}/log/"))
    return [f"{event['model_id']} {event['from_state'] or 'new'} > {event['to_state']}" for event in events]


def test_the_first_promotion_is_written_down_step_by_step(registry, storage):
    registry.trained("A", word=word("the first"))
    head = promote(registry, "A", word=word("it is the first", hours=1, who="anna"))
    assert (head.model_id, head.since, head.who, head.why) == ("A", START + HOUR, "anna", "it is the first")
    assert head.card == card("A")
    assert fresh(storage).head() == head
    assert written(storage) == ["A new > trained", "A trained > challenger", "A challenger > champion"]
    assert [event.who for event in registry.events()] == ["me", "anna", "anna"]
    assert storage.keys(f"{FOLDER}/log/") == [f"{FOLDER}/log/0000000{number}.json" for number in (1, 2, 3)]


def test_the_next_champion_retires_the_one_before(registry, storage):
    for model_id in "AB":
        registry.trained(model_id, word=word())
        promote(registry, model_id)
    assert written(storage)[-3:] == ["B trained > challenger", "A champion > retired", "B challenger > champion"]
    assert registry.states() == {"A": State.RETIRED, "B": State.CHAMPION}


def test_events_are_never_written_again(registry, storage):
    promote(registry, "A")
    before = {key: storage.get(key) for key in storage.keys(f"{FOLDER}/log/")}
    promote(registry, "B")
    assert {key: storage.get(key) for key in before} == before


def test_promoting_the_champion_leaves_its_time_as_it_is(registry, storage):
    promote(registry, "A", word=word("first"))
    before = storage.get(HEAD)
    assert promote(registry, "A", word=word("again", hours=5)).why == "first"
    assert storage.get(HEAD) == before
    assert log(registry) == ["A trained > challenger", "A challenger > champion"]


def test_a_model_that_is_trained_again_goes_on_with_its_life(registry):
    registry.trained("A", word=word())
    promote(registry, "A")
    before = log(registry)
    registry.trained("A", word=word("again"))
    assert log(registry) == before


def test_a_promotion_that_rests_on_an_old_head_conflicts_however_late_it_is(registry, storage):
    registry.trained("C", word=word())
    promote(registry, "A")
    read_an_hour_ago = registry.read()
    promote(fresh(storage), "B")
    before = {key: storage.get(key) for key in storage.keys("")}
    with pytest.raises(Conflict, match="BTCUSDT 1h: the champion was moved by somebody else"):
        registry.promote(card("C"), expected=read_an_hour_ago, word=word())
    with pytest.raises(Conflict):
        registry.promote(card("C"), expected=None, word=word())
    assert {key: storage.get(key) for key in storage.keys("")} == before


@pytest.mark.parametrize("change", ["pin", "training"])
def test_a_pin_or_another_training_since_is_a_conflict_too(registry, storage, change):
    promote(registry, "A")
    mine = registry.read()
    if change == "pin":
        fresh(storage).pin(on=True, expected=mine, word=word())
    else:
        fresh(storage).note_training("B", outcome=REJECTED, word=word())
    with pytest.raises(Conflict):
        registry.promote(card("C"), expected=mine, word=word())


def test_of_two_at_the_very_same_moment_one_conflicts(storage, tmp_path):
    promote(fresh(storage), "A")

    class Overtaken(LocalStorage):
        def replace(self, key, data, etag):
            promote(fresh(storage), "B", word=word("theirs"))
            return super().replace(key, data, etag)

    late = fresh(Overtaken(tmp_path, durable=False))
    with pytest.raises(Conflict):
        promote(late, "C", word=word("mine"))
    assert fresh(storage).head().model_id == "B"
    assert fresh(storage).states() == {"A": State.RETIRED, "B": State.CHAMPION, "C": State.CHALLENGER}


def test_a_writer_that_was_frozen_before_its_log_does_not_undo_what_came_later(storage, tmp_path):
    """It sleeps between the head and the log; meanwhile another one is promoted, and the first one again."""

    class Frozen(LocalStorage):
        asleep = True

        def keys(self, prefix):
            if self.asleep and self.get(HEAD) is not None:
                self.asleep = False
                promote(fresh(storage), "B")
                promote(fresh(storage), "C")
            return super().keys(prefix)

    promote(fresh(Frozen(tmp_path, durable=False)), "A")
    steps = written(storage)
    assert [step for step in steps if "champion" in step] == [
        *("A challenger > champion", "A champion > retired", "B challenger > champion"),
        *("B champion > retired", "C challenger > champion"),
    ]
    assert fresh(storage).states() == {"A": State.RETIRED, "B": State.RETIRED, "C": State.CHAMPION}


def test_an_event_that_another_process_wrote_first_is_made_anew(storage, tmp_path):
    class Beaten(LocalStorage):
        times = 0

        def create(self, key, data):
            if "/log/" in key and self.times < 3:
                self.times += 1
                fresh(storage).trained(f"X{self.times}", word=word())
            return super().create(key, data)

    fresh(Beaten(tmp_path, durable=False)).trained("A", word=word())
    assert written(storage) == [f"{name} new > trained" for name in ("X1", "X2", "X3", "A")]


def test_an_illegal_step_changes_nothing_and_says_what_is_possible(registry, storage):
    registry.trained("A", word=word())
    registry.note_training("A", outcome=REJECTED, word=word())
    registry.remove(keep=0, word=word())
    before = {key: storage.get(key) for key in storage.keys("")}
    with pytest.raises(BadConfig, match=r"model A is removed and cannot become challenger; .* may become: trained"):
        promote(registry, "A")
    assert {key: storage.get(key) for key in storage.keys("")} == before


def test_a_pinned_champion_is_replaced_only_by_who_says_so(registry):
    promote(registry, "A")
    assert registry.pin(on=True, expected=registry.read(), word=word("holidays")).pinned
    with pytest.raises(Pinned, match=r"champion A is pinned \(holidays\)"):
        promote(registry, "B", ends_training=True)
    assert registry.head().model_id == "A"
    assert not promote(registry, "B", unpin=True).pinned
    assert promote(registry, "C").model_id == "C"


def test_a_pin_is_written_down_and_let_go(registry, storage):
    promote(registry, "A")
    registry.pin(on=True, expected=registry.read(), word=word("holidays", who="anna"))
    etag = registry.read().etag
    registry.pin(on=True, expected=registry.read(), word=word("again"))
    assert registry.read().etag == etag, "it was pinned already"
    registry.pin(on=False, expected=registry.read(), word=word("back"))
    assert [(event.pinned, event.who, event.why) for event in registry.events()[2:]] == [
        (True, "anna", "holidays"),
        (False, "me", "back"),
    ]
    assert not fresh(storage).head().pinned
    assert registry.states() == {"A": State.CHAMPION}


def test_what_is_not_there_cannot_be_pinned(registry, storage):
    with pytest.raises(BadConfig, match="BTCUSDT 1h has no champion that could be pinned"):
        registry.pin(on=True, expected=None, word=word())
    assert storage.keys("") == []


def test_trainings_are_numbered_one_after_the_other_whatever_they_came_to(registry):
    registry.trained("A", word=word())
    first = registry.note_training("A", outcome=REJECTED, word=word(hours=1))
    assert registry.head().model_id is None, "there is a head, and nobody decides"
    second = promote(registry, "B", word=word(hours=2), ends_training=True).finished
    third = registry.note_training("", outcome=FAILED, word=word(hours=3))
    assert (second.number, third.number) == (first.number + 1, first.number + 2)
    assert [each.outcome for each in (first, second, third)] == [REJECTED, PROMOTED, FAILED]
    assert [each.model_id for each in (first, second, third)] == ["A", "B", ""]
    assert third.at == START + 3 * HOUR
    assert registry.head().finished == third
    assert registry.head().model_id == "B"


def test_a_promotion_by_a_person_is_no_training(registry):
    noted = registry.note_training("", outcome=FAILED, word=word())
    assert promote(registry, "A").finished == noted


def test_a_training_that_made_the_champion_again_has_finished_all_the_same(registry):
    promote(registry, "A", word=word("first"))
    head = promote(registry, "A", word=word("again", hours=9), ends_training=True)
    assert (head.why, head.since, head.finished.at) == ("first", START, START + 9 * HOUR)


@pytest.mark.parametrize(
    ("life", "outcome", "state"),
    [
        ((), REJECTED, State.REJECTED),
        ((), CHALLENGER, State.CHALLENGER),
        ((), FAILED, State.TRAINED),
        (("nominate",), REJECTED, State.REJECTED),
        (("nominate",), CHALLENGER, State.CHALLENGER),
        (("promote",), REJECTED, State.CHAMPION),
        (("promote", "retire"), REJECTED, State.RETIRED),
        (("promote", "retire"), CHALLENGER, State.RETIRED),
    ],
)
def test_what_a_training_came_to_is_its_models_state_unless_that_has_decided(registry, life, outcome, state):
    registry.trained("A", word=word())
    for step in life:
        if step == "nominate":
            registry.nominate("A", word=word())
        else:
            promote(registry, "A" if step == "promote" else "B")
    registry.note_training("A", outcome=outcome, word=word())
    assert registry.states()["A"] is state


def test_a_note_of_a_training_does_not_lose_a_promotion_that_is_faster(storage, tmp_path):
    promote(fresh(storage), "A")

    class Overtaken(LocalStorage):
        done = False

        def replace(self, key, data, etag):
            if not self.done:
                self.done = True
                promote(fresh(storage), "B")
            return super().replace(key, data, etag)

    noted = fresh(Overtaken(tmp_path, durable=False)).note_training("C", outcome=REJECTED, word=word())
    head = fresh(storage).head()
    assert (head.model_id, head.finished) == ("B", noted)


def test_a_training_that_promotes_ends_with_the_promotion(registry, storage):
    with pytest.raises(BadConfig):
        registry.note_training("A", outcome=PROMOTED, word=word())
    assert storage.keys("") == []


def test_rejected_models_beyond_the_newest_are_removed_and_the_rest_never(registry):
    for model_id in ("R1", "R2", "R3", "C", "T", "P"):
        registry.trained(model_id, word=word())
    promote(registry, "OLD")
    promote(registry, "P")
    registry.nominate("C", word=word())
    for model_id in ("R1", "R2", "R3"):
        registry.note_training(model_id, outcome=REJECTED, word=word())
    assert registry.remove(keep=3, word=word()) == ()
    assert registry.remove(keep=1, word=word("too many")) == ("R1", "R2")
    assert registry.events()[-1].why == "too many"
    assert registry.remove(keep=1, word=word()) == ("R1", "R2"), "all that ever were: a killed one may have left some"
    assert registry.states() == {
        "R1": State.REMOVED,
        "R2": State.REMOVED,
        "R3": State.REJECTED,
        "C": State.CHALLENGER,
        "T": State.TRAINED,
        "OLD": State.RETIRED,
        "P": State.CHAMPION,
    }
    registry.trained("R1", word=word("anew"))
    assert registry.states()["R1"] is State.TRAINED


def test_the_head_of_an_older_version_is_read_and_its_champion_can_be_replaced(registry, storage):
    old = {"schema": 1, "model_id": "A", "since": "2024-01-01T00:00:00Z", "why": "the first model", "card": None}
    storage.put(HEAD, json.dumps(old).encode())
    head = registry.head()
    assert (head.model_id, head.why, head.pinned, head.finished) == ("A", "the first model", False, None)
    assert log(registry) == ["A trained > champion"]
    promote(registry, "B", ends_training=True)
    assert json.loads(storage.get(HEAD).data)["schema"] == 2
    assert registry.states() == {"A": State.RETIRED, "B": State.CHAMPION}
    assert registry.predecessor() == "A"


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", BadData, "is not complete JSON"),
        (b'{"schema":2,"model_id":"A"}', BadData, "a champion or its beginning, not both"),
        (b'{"schema":2,"model_id":"A","since":"yesterday"}', BadData, "is damaged at since"),
        (b'{"schema":3}', NewerSchema, "has schema 3"),
    ],
)
def test_a_head_that_cannot_be_read_is_named_and_never_overwritten(registry, storage, data, error, says):
    storage.put(HEAD, data)
    for attempt in (
        registry.head,
        lambda: promote(registry, "A"),
        lambda: registry.note_training("A", outcome=REJECTED, word=word()),
    ):
        with pytest.raises(error, match=f"{HEAD} .*{says}|{HEAD} {says}"):
            attempt()
    assert storage.keys("") == [HEAD]
    assert storage.get(HEAD).data == data


def test_a_head_with_the_card_of_a_newer_version_is_not_half_read(registry, storage):
    promote(registry, "A")
    fields = json.loads(storage.get(HEAD).data)
    storage.put(HEAD, json.dumps({**fields, "card": {**fields["card"], "schema": 99}}).encode())
    with pytest.raises(NewerSchema, match=f"{HEAD} holds a card of schema 99"):
        registry.head()


@pytest.mark.parametrize(
    ("damage", "says"), [(b"{", "is not complete JSON"), (b'{"schema":9}', "has schema 9"), (None, "is missing")]
)
def test_an_event_that_is_lost_or_damaged_stops_who_writes_and_nobody_who_reads_the_head(
    registry, storage, damage, says
):
    promote(registry, "A")
    key = f"{FOLDER}/log/00000001.json"
    storage.put(f"{FOLDER}/log/00000003.json", storage.get(key).data)
    if damage is None:
        storage.delete(key)
        storage.put(f"{FOLDER}/log/00000004.json", b"{}")
    else:
        storage.put(key, damage)
    other = fresh(storage)
    assert other.head().model_id == "A"
    with pytest.raises(BadData, match=f"{key} {says}"):
        promote(other, "B")
    assert other.head().model_id == "A"


def test_what_somebody_else_left_beside_the_events_is_none(registry, storage):
    promote(registry, "A")
    for name in ("00000002-copy.json", "notes.json", "old/00000001.json"):
        storage.put(f"{FOLDER}/log/{name}", b"{}")
    promote(fresh(storage), "B")
    assert [(event.model_id, event.to_state) for event in fresh(storage).events()][-2:] == [
        ("A", State.RETIRED),
        ("B", State.CHAMPION),
    ]


def test_a_log_that_cannot_be_written_after_the_head_does_not_take_the_promotion_back(storage, tmp_path, caplog):
    class Full(LocalStorage):
        moved = False

        def create(self, key, data):
            if self.moved:
                raise Retryable("the disk is full")
            self.moved = key == HEAD
            return super().create(key, data)

    assert promote(fresh(Full(tmp_path, durable=False)), "A").model_id == "A"
    assert "the disk is full" in caplog.text
    assert written(storage) == ["A trained > challenger"]
    assert fresh(storage).states() == {"A": State.CHAMPION}, "what follows from the head is known to everybody"
    fresh(storage).trained("B", word=word())
    fresh(storage).nominate("B", word=word())
    assert written(storage)[-2:] == ["A challenger > champion", "B trained > challenger"]


def lives(storage):
    """Everything a person or a training may do, one after the other, each as a process of its own."""
    registry = fresh(storage)
    registry.trained("B", word=word())
    promote(registry, "B", word=word("better", hours=1), ends_training=True)
    registry.pin(on=True, expected=registry.read(), word=word("holidays", hours=2))
    registry.trained("C", word=word())
    registry.note_training("C", outcome=REJECTED, word=word(hours=3))
    promote(registry, "A", word=word("back", hours=4), unpin=True)
    registry.remove(keep=0, word=word(hours=5))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_between_any_two_writes_head_and_log_agree_after_the_next_command(tmp_path, after):
    begun = LocalStorage(tmp_path / "twin", durable=False)
    promote(fresh(begun), "A")
    twin = Mortal(tmp_path / "twin", durable=False)
    lives(twin)
    assert twin.writes >= 15
    for at in range(1, twin.writes + 1):
        folder = tmp_path / str(at)
        promote(fresh(LocalStorage(folder, durable=False)), "A")
        victim = Mortal(folder, durable=False)
        victim.at, victim.after = at, after
        with pytest.raises(Killed):
            lives(victim)
        check_next_command(LocalStorage(folder, durable=False))


@pytest.mark.parametrize(
    ("command", "step"),
    [
        (lambda registry: registry.nominate("R", word=word()), "R rejected > challenger"),
        (lambda registry: registry.remove(keep=0, word=word()), "R rejected > removed"),
        (lambda registry: registry.note_training("T", outcome=REJECTED, word=word()), "T trained > rejected"),
        (lambda registry: registry.pin(on=False, expected=registry.read(), word=word()), "A champion > champion"),
    ],
)
def test_whoever_writes_next_writes_first_what_a_killed_process_left_out(tmp_path, command, step):
    storage = LocalStorage(tmp_path, durable=False)
    promote(fresh(storage), "A")
    fresh(storage).note_training("R", outcome=REJECTED, word=word())
    victim = Mortal(tmp_path, durable=False)
    victim.at, victim.after = 1, True
    with pytest.raises(Killed):
        fresh(victim).pin(on=True, expected=fresh(victim).read(), word=word("holidays"))
    assert written(storage)[-1] == "R trained > rejected"
    command(fresh(storage))
    assert written(storage)[-2:] == ["A champion > champion", step]
    assert fresh(storage).events()[-2].why == "holidays"


def check_next_command(storage):
    head = fresh(storage).head()
    assert head.model_id in ("A", "B")
    assert head.card == card(head.model_id)
    seen = fresh(storage).states()
    assert [model_id for model_id, state in seen.items() if state is State.CHAMPION] == [head.model_id]
    promote(fresh(storage), "D", unpin=True)
    steps = written(storage)
    assert steps == log(fresh(storage)), "nothing is missing any more"
    assert steps[-2:] == [f"{head.model_id} champion > retired", "D challenger > champion"]
    states = fresh(storage).states()
    assert {**seen, head.model_id: State.RETIRED, "D": State.CHAMPION} == states
    assert check_legal(steps)


def check_legal(steps):
    """Every step of a model begins where the one before has ended."""
    now = {}
    for step in steps:
        model_id, before, _, state = step.split()
        assert before == now.get(model_id, before)
        now[model_id] = state
    return True


def test_a_head_says_what_it_did_when_it_is_written_again(registry, storage):
    promote(registry, "A", ends_training=True)
    registry.pin(on=True, expected=registry.read(), word=word())
    data = storage.get(HEAD).data
    assert to_json(registry.head()) == data
