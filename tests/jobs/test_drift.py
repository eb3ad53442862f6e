"""The daily look over a small store: what it reads, what it says, and what it keeps."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.builders import HOUR, random_klines
from tests.desks import FIRST, SYMBOL, make_desk, move_to_run, with_model
from tests.jobs.lived import alter, put
from tests.jobs.test_run import replace_bot
from trader.bootstrap import versions
from trader.core.indicators import compute_indicators
from trader.core.labels import directions
from trader.jobs.drift import look, past_look, reference_of, skew_of, store_of
from trader.jobs.outlets import DriftRules
from trader.jobs.run import run
from trader.jobs.served import served_rows
from trader.ml.drift import limits

HOURS = 8 * 24
KLINES = random_klines(1400 + HOURS + 60, seed=11)
RULES = DriftRules(window_days=14, false_alarms_per_year=0.5, verified=6)


@pytest.fixture(autouse=True)
def _few_years(monkeypatch):
    """Limits are made from fewer simulated years: what is looked at here is how they are used."""
    monkeypatch.setattr(limits, "YEARS", 40)


def lived(folder, *, hours=HOURS):
    """A desk with a champion that has decided so many hours."""
    desk = with_model(replace_bot(make_desk(folder, KLINES), versions=versions()))
    for hour in range(hours):
        move_to_run(desk, FIRST + hour * HOUR)
        run(desk)
    return desk


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store in which eight days were lived through; whoever writes into it takes a copy."""
    folder = tmp_path_factory.mktemp("drift")
    lived(folder)
    return folder


def reopened(folder, *, hours=HOURS):
    desk = replace_bot(make_desk(folder, KLINES), versions=versions())
    move_to_run(desk, FIRST + (hours - 1) * HOUR)
    return desk


@pytest.mark.slow
def test_a_look_compares_what_was_served_with_the_training_and_keeps_its_report(store):
    desk = reopened(store)
    report = look(desk, desk.bot.clock.now(), rules=RULES)
    champion = desk.models.load_champion()
    assert (report.rows, report.model_id, report.too_early) == (HOURS, champion.card.model_id, False)
    assert [each.name for each in report.features] == list(champion.card.features)
    assert report.skew.value == 0.0
    assert not report.skew.alarm
    assert "6 decisions made again: no difference" in report.skew.what
    assert report.prediction.value is not None
    assert report.relation.limit < 0
    assert "there is no champion before" in report.importance.what
    assert store_of(desk).log().newest == report


@pytest.mark.slow
def test_what_was_served_is_what_the_klines_say_and_what_came_of_it(store):
    desk = reopened(store)
    card = desk.models.load_champion().card
    rows = served_rows(desk, card, since=FIRST - HOUR)
    first = KLINES.index_of(FIRST)
    closed = KLINES[: first + HOURS]
    assert rows.open_time.tolist() == KLINES.open_time[first : first + HOURS].tolist()
    assert np.array_equal(rows.features, compute_indicators(closed, card.features)[first:])
    expected = directions(closed, horizon=card.horizon)[first:]
    assert np.array_equal(rows.labels, expected, equal_nan=True)
    assert np.isnan(rows.labels).sum() == card.horizon
    table = desk.ledger.read()
    settled = np.array(table.column("settled_gross"))
    exposure = np.array(table.column("exposure"))
    moves = KLINES.close[first + 1 : first + HOURS] / KLINES.close[first : first + HOURS - 1] - 1
    assert rows.gross[:-1] == pytest.approx(exposure[:-1] * moves, abs=1e-12)
    assert rows.gross.sum() == pytest.approx(settled[1:].sum(), abs=1e-12)
    another = served_rows(desk, replace(card, model_id="20240101T0000-0123456789"), since=FIRST - HOUR)
    assert np.isnan(another.p_up).all()
    assert served_rows(desk, card, since=FIRST + 9 * HOUR).open_time[0] == KLINES.open_time[first + 10]


@pytest.mark.slow
def test_the_reference_is_made_once_and_again_only_for_other_settings(store):
    desk = reopened(store)
    card = desk.models.load_champion().card
    made = reference_of(desk, card, rules=RULES)
    assert made.is_exact
    assert made.rows == card.rows
    assert made.label_rate == card.label_rate
    key = f"drift/{SYMBOL}/1h/{card.model_id}.json"
    tag = desk.bot.storage.get(key).etag
    assert reference_of(desk, card, rules=RULES) == made
    assert desk.bot.storage.get(key).etag == tag
    wider = reference_of(desk, card, rules=replace(RULES, window_days=10))
    assert wider.window_days == 10
    assert wider.features.edges == made.features.edges


@pytest.mark.slow
def test_a_past_range_of_klines_is_looked_at_day_by_day(store):
    desk = reopened(store)
    found = past_look(desk, start=FIRST, end=FIRST + HOURS * HOUR, rules=RULES)
    assert (found.looks, found.in_sample) == (3, False)  # 192 hours from 08:00 on touch nine days
    assert past_look(desk, start=FIRST - 300 * HOUR, end=FIRST + HOURS * HOUR, rules=RULES).in_sample


def test_a_look_before_the_first_model_says_so(tmp_path):
    desk = make_desk(tmp_path, KLINES)
    report = look(desk, desk.bot.clock.now(), rules=RULES)
    assert (report.model_id, report.alarms, report.note) == (None, (), "no model decides yet")
    assert report.skew.what == "there are no runs yet"
    assert desk.bot.storage.keys("drift/") == []


@pytest.mark.slow
def test_a_look_too_early_compares_nothing_and_a_look_without_klines_says_what_to_ingest(tmp_path):
    desk = lived(tmp_path, hours=2)
    early = look(desk, desk.bot.clock.now(), rules=RULES)
    assert early.too_early
    assert early.note.startswith("too early: 2 of at least 168 rows")
    assert (early.features, early.alarms) == ((), ())
    for key in [*desk.bot.storage.keys("klines/"), *desk.bot.storage.keys(f"drift/{SYMBOL}/1h/")]:
        desk.bot.storage.delete(key)
    blind = look(desk, desk.bot.clock.now(), rules=replace(RULES, verified=0))
    assert "trader ingest --symbol BTCUSDT" in blind.note
    assert blind.skew is None


@pytest.mark.slow
def test_a_record_that_was_altered_is_skew_and_no_reason_to_train(tmp_path):
    desk = lived(tmp_path, hours=3)
    alter(desk, 1, put("inputs", "p_up", plus=0.01), sealed=True)
    report = look(desk, desk.bot.clock.now(), rules=RULES)
    assert report.alarms == ("skew",)
    assert report.skew.value >= 1
    assert not report.wants_training


@pytest.mark.slow
def test_a_damaged_log_or_reference_is_made_again(tmp_path):
    desk = lived(tmp_path, hours=1)
    first = look(desk, desk.bot.clock.now(), rules=RULES)
    for key in desk.bot.storage.keys("drift/"):
        desk.bot.storage.put(key, b"{")
    assert look(desk, desk.bot.clock.now(), rules=RULES) == first
    assert json.loads(desk.bot.storage.get(f"drift/{SYMBOL}/1h.json").data)["newest"]["rows"] == 1


def test_decisions_are_made_again_without_listing_the_years_behind_them(tmp_path):
    desk = with_model(make_desk(tmp_path, random_klines(1600, seed=4)))
    for hour in range(4):
        move_to_run(desk, FIRST + hour * HOUR)
        run(desk)
    listed = []
    keys = desk.bot.storage.keys
    desk.bot.storage.keys = lambda prefix: listed.append(prefix) or keys(prefix)
    found = skew_of(desk, hours=3)
    assert found.what.startswith("3 decisions made again")
    assert not found.alarm
    journal = f"journal/{SYMBOL}/1h/"
    assert {prefix for prefix in listed if prefix.startswith("journal/")} <= {
        f"{journal}{month}/" for month in ("2024/01", "2024/02", "2024/03")
    }
    assert not [prefix for prefix in listed if prefix.startswith("ledger/")]
