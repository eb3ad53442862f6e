"""What a training has promoted, at work: it trades by its own rule, live as in a backtest, and verify is clean."""

from dataclasses import replace

import pytest

from tests.builders import HOUR, Quiet
from tests.jobs.training.trainings import ALONE, EASY, HOURS, TIMID, desk_on, trained
from tests.test_parity import assert_same
from trader.core.klines import fill_gaps
from trader.jobs.replay import replay
from trader.jobs.verification.verify import verify
from trader.ml.backtest import backtest

pytestmark = pytest.mark.slow

RUNS = 72


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A bot whose champion was found by a search, after three days; the records of its runs."""
    desk = desk_on(tmp_path_factory.mktemp("promoted"), hours=HOURS - RUNS, **TIMID)
    assert trained(desk, **ALONE).report.recipe is None
    assert trained(desk, **TIMID).report.verdict.promoted
    start = EASY[: HOURS - RUNS].last + HOUR
    replay(desk, clock=desk.bot.clock, start=start, end=start + RUNS * HOUR, progress=Quiet())
    return desk, [desk.journal.read(time).record for time in desk.journal.open_times()]


def test_its_runs_follow_the_rule_it_was_searched_with(lived):
    desk, records = lived
    own = desk.models.champion().card.decision
    assert len(records) == RUNS
    assert {record.inputs.model_id for record in records} == {desk.models.champion().model_id}
    assert own.band < 0.25 == desk.bot.rules.decision.band
    between = [r for r in records if own.band < abs(r.inputs.p_up - 0.5) <= 0.25]
    assert len(between) > RUNS / 4, "hours in which the settings' rule would not have entered"
    assert all(abs(record.state.paper.exposure) > 0 for record in between)


def test_its_runs_are_a_backtest_of_it_bit_for_bit(lived):
    desk, records = lived
    model = desk.models.load_champion()
    start = records[0].key.open_time
    tested = backtest(fill_gaps(EASY), model=model, rules=desk.bot.rules, start=start, end=start + RUNS * HOUR)
    assert len(set(tested.exposure)) > 1
    seen = records[-1].state.paper.training
    assert seen == desk.models.registry.head().finished.number, "a backtest knows of no training"
    assert_same(records, replace(tested, book=replace(tested.book, training=seen)))
    settings_rule = replace(model, card=replace(model.card, decision=None))
    other = backtest(fill_gaps(EASY), model=settings_rule, rules=desk.bot.rules, start=start, end=start + RUNS * HOUR)
    assert list(other.exposure) != list(tested.exposure)


def test_verify_is_clean_over_its_runs(lived):
    desk, _ = lived
    found = verify(desk, start=None, end=None, progress=Quiet())
    assert list(found.differences) == []
    assert found.runs == RUNS
