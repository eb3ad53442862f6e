"""A model's life: which steps there are, what the events add up to, and which are missing after a kill."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from trader.core.errors import BadConfig
from trader.core.lifecycle import (
    ALLOWED,
    Event,
    Pin,
    State,
    Tenure,
    champion_before,
    ever_champions,
    missing_events,
    state_of,
    states_of,
    step,
    to_remove,
)

AT = datetime(2024, 1, 1, tzinfo=UTC)
LEGAL = {
    ("trained", "challenger"),
    ("trained", "rejected"),
    ("challenger", "champion"),
    ("challenger", "rejected"),
    ("champion", "retired"),
    ("retired", "challenger"),
    ("rejected", "challenger"),
    ("rejected", "removed"),
    ("removed", "trained"),
}


def lived(*steps: str) -> list[Event]:
    """Events from words such as "A challenger", in that order."""
    events: list[Event] = []
    for minute, words in enumerate(steps):
        model_id, name = words.split()
        before = states_of(events).get(model_id)
        event = Event(
            at=AT + timedelta(minutes=minute),
            model_id=model_id,
            from_state=before,
            to_state=State(name),
            who="me",
            why="a test",
        )
        events.append(event)
    return events


def words(events) -> list[str]:
    return [f"{event.model_id} {event.from_state} > {event.to_state}" for event in events]


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_only_the_drawn_steps_are_possible_and_the_others_say_where_it_may_go(before, after):
    events = lived(f"A {before}")
    if (before, after) in LEGAL:
        event = step(events, model_id="A", to=after, at=AT, who="me", why="so")
        assert (event.from_state, event.to_state) == (before, after)
        return
    with pytest.raises(BadConfig, match=f"model A is {before} and cannot become {after}; from there it may become: "):
        step(events, model_id="A", to=after, at=AT, who="me", why="so")


def test_a_new_model_is_trained_and_nothing_else():
    assert ALLOWED[None] == {State.TRAINED}


def test_the_state_of_a_model_is_what_its_newest_event_says():
    events = lived("A trained", "B trained", "A challenger", "A champion", "B rejected")
    assert states_of(events) == {"A": State.CHAMPION, "B": State.REJECTED}


def test_a_stored_model_without_an_event_is_trained():
    assert state_of(lived("A champion"), "B") is State.TRAINED


def test_what_a_change_of_champion_brings_about_is_missing_until_it_is_written():
    tenure = Tenure(model_id="B", since=AT, who="anna", why="better")
    events = lived("A champion", "B challenger")
    missing = missing_events(events, tenure=tenure)
    assert words(missing) == ["A champion > retired", "B challenger > champion"]
    assert {(event.at, event.who) for event in missing} == {(AT, "anna")}
    assert [event.why for event in missing] == ["B decides: better", "better"]
    assert words(missing_events([*events, missing[0]], tenure=tenure)) == ["B challenger > champion"]
    assert missing_events([*events, *missing], tenure=tenure) == ()


def test_a_champion_of_an_older_store_is_taken_as_it_is():
    tenure = Tenure(model_id="A", since=AT, who="", why="the first model")
    assert words(missing_events([], tenure=tenure)) == ["A trained > champion"]


def test_a_pin_and_its_end_are_missing_until_they_are_written():
    events = lived("A champion")
    tenure = Tenure(model_id="A", since=AT, who="", why="", pin=Pin(on=True, at=AT, who="anna", why="holidays"))
    (pinned,) = missing_events(events, tenure=tenure)
    assert (pinned.pinned, pinned.who, pinned.why) == (True, "anna", "holidays")
    assert words([pinned]) == ["A champion > champion"]
    events.append(pinned)
    assert missing_events(events, tenure=tenure) == ()
    let_go = replace(tenure, pin=Pin(on=False, at=AT, who="bert", why="back"))
    (last,) = missing_events(events, tenure=let_go)
    assert (last.pinned, last.who) == (False, "bert")
    assert missing_events([*events, last], tenure=let_go) == ()


def test_a_pin_that_came_with_a_new_champion_is_missing_too():
    events = lived("A champion", "B challenger")
    tenure = Tenure(model_id="B", since=AT, who="", why="", pin=Pin(on=True, at=AT, who="", why=""))
    assert words(missing_events(events, tenure=tenure)) == [
        "A champion > retired",
        "B challenger > champion",
        "B champion > champion",
    ]


@pytest.mark.parametrize(
    ("champions", "before"),
    [("", None), ("A", None), ("AB", "A"), ("ABC", "B"), ("ABCB", "A"), ("ABCBA", None), ("ABA", None), ("ABAC", "A")],
)
def test_going_back_leads_to_the_one_before_and_never_to_what_was_left_that_way(champions, before):
    assert champion_before(lived(*(f"{each} champion" for each in champions))) == before


def test_other_steps_do_not_change_whom_to_go_back_to():
    events = lived("A champion", "B champion", "C challenger", "C rejected", "A retired", "B champion")
    assert champion_before(events) == "A"


def test_who_ever_decided_is_known_for_good():
    assert ever_champions(lived("A champion", "A retired", "B challenger", "B rejected")) == {"A"}


@pytest.mark.parametrize(("keep", "removed"), [(3, ()), (2, ("B",)), (0, ("B", "C", "A"))])
def test_rejected_models_are_removed_in_the_order_of_their_rejection_and_no_others(keep, removed):
    events = lived(
        *("A rejected", "B rejected", "C rejected", "A challenger", "A rejected"),
        *("D champion", "D retired", "D challenger", "D rejected"),
        *("E trained", "F challenger", "G champion", "H retired"),
    )
    assert to_remove(events, keep=keep) == removed
