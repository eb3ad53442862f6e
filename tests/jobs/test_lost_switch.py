"""The operator's switch is gone although it was set: that is not the same as never having been set."""

import pytest

from tests.builders import HOUR, random_klines
from tests.desks import FIRST, make_desk, move_to_run, with_model
from tests.jobs.test_run import orders_of, run_hours
from trader.core.decision import Reason
from trader.core.errors import BadData
from trader.core.risk import ControlMode
from trader.jobs.run import Outcome
from trader.jobs.symbols import run_symbols
from trader.store.control import CONTROL_KEY, say


@pytest.fixture
def desk(tmp_path):
    """A desk that was told to halt, is flat, and whose switch is lost."""
    made = with_model(make_desk(tmp_path, random_klines(1460, seed=5)))
    run_hours(made, 2)
    say(made.bot.storage, mode=ControlMode.HALT, why="stop", who="me", at=FIRST)
    (record,) = run_hours(made, 1, first=FIRST + 2 * HOUR)
    assert record.state.paper.exposure == 0
    made.bot.storage.delete(CONTROL_KEY)
    move_to_run(made, FIRST + 3 * HOUR)
    return made


def test_a_lost_switch_does_not_count_as_run(desk):
    sent = orders_of(desk)
    (answer,) = run_symbols(desk.bot)
    assert answer.outcome is Outcome.FAILED
    assert isinstance(answer.error, BadData)
    for words in (desk.bot.storage.locate(CONTROL_KEY), "is gone although", "`trader halt`, `reduce` or `resume`"):
        assert words in str(answer.error)
    assert orders_of(desk) == sent
    assert desk.journal.newest() == FIRST + 2 * HOUR


@pytest.mark.parametrize(
    ("mode", "reasons"),
    [(ControlMode.HALT, {Reason.CONTROL_HALT}), (ControlMode.RUN, {Reason.LONG, Reason.SHORT})],
)
def test_saying_it_again_mends_it_for_the_same_hour(desk, mode, reasons):
    run_symbols(desk.bot)
    say(desk.bot.storage, mode=mode, why="again", who="me", at=FIRST)
    (answer,) = run_symbols(desk.bot)
    assert answer.outcome is Outcome.DONE
    assert answer.record.decision.reason in reasons
    assert answer.record.key.open_time == FIRST + 3 * HOUR


def test_a_switch_that_was_never_set_is_not_missed(tmp_path):
    desk = with_model(make_desk(tmp_path, random_klines(1460, seed=5)))
    assert run_hours(desk, 2)[-1].decision.reason in (Reason.LONG, Reason.SHORT)
    assert desk.bot.storage.get(CONTROL_KEY) is None
