"""Killed at any write of an hour that is special for two symbols at once: their first, a reset, a resume.

What one of the symbols has concluded and written down, the other one must conclude as well in the next process.
"""

import shutil
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.builders import HOUR
from tests.desks import FIRST, move_to_run
from tests.jobs.test_account import change_account, deposit
from tests.jobs.test_allocation import SYMBOLS, assert_claims_are_covered, live, make_bot
from tests.jobs.test_killed import DyingStorage, Killed
from tests.jobs.test_symbols import on
from trader.core.journal import Status
from trader.core.risk import ControlMode
from trader.jobs.bot import Desk
from trader.jobs.run import Outcome
from trader.jobs.symbols import run_symbols
from trader.store.control import say

pytestmark = pytest.mark.slow

BOTH = SYMBOLS[:2]
NOW = 4
"""The hour in which the process is killed."""


def bot_on(folder):
    """A bot on two symbols that share an asset, its clock just after the close of NOW."""
    bot = replace(make_bot(folder), symbols=BOTH, lease=timedelta(seconds=0.02), notional=Decimal(500))
    move_to_run(Desk(bot=bot, symbol=BOTH[0]), FIRST + NOW * HOUR)
    return bot


def at_first(bot):
    """Nothing has happened yet."""


def after_a_reset(bot):
    live(bot, BOTH, NOW)
    change_account(Desk(bot=bot, symbol=BOTH[0]), lambda account: None)


def after_a_resume(bot):
    live(bot, BOTH, NOW)
    change_account(Desk(bot=bot, symbol=BOTH[0]), deposit("USDT", "250"))
    say(bot.storage, mode=ControlMode.RUN, why="it was me", who="me", at=FIRST)


def check_healed(bot):
    """Every run ends, nothing is unexplained in the hours that follow, and nobody is given what another one has."""
    assert {answer.outcome for answer in run_symbols(bot)} <= {Outcome.DONE, Outcome.ALREADY_DONE}
    following = live(bot, BOTH, 2, first=NOW + 1)
    assert [record.unexplained for record in following] == [()] * 4
    journals = [Desk(bot=bot, symbol=symbol).journal for symbol in BOTH]
    records = [journal.read(time).record for journal in journals for time in journal.open_times()]
    assert all(record.status is Status.COMPLETED for record in records)
    assert len({record.state.epoch for record in following}) == 1
    assert_claims_are_covered(bot)


@pytest.mark.parametrize("prepare", [at_first, after_a_reset, after_a_resume])
def test_the_next_process_concludes_for_both_symbols_what_one_of_them_has(tmp_path, prepare):
    lived = tmp_path / "lived"
    lived.mkdir()
    prepare(bot_on(lived))
    shutil.copytree(lived, tmp_path / "undisturbed")
    undisturbed = bot_on(tmp_path / "undisturbed")
    counting = DyingStorage(undisturbed.storage)
    run_symbols(on(undisturbed, counting, owner="counted"))
    assert counting.writes > 8
    for at in range(1, counting.writes + 1):
        shutil.copytree(lived, tmp_path / str(at))
        bot = bot_on(tmp_path / str(at))
        with pytest.raises(Killed):
            run_symbols(on(bot, DyingStorage(bot.storage, at=at, after=True), owner="mortal"))
        check_healed(replace(bot, owner="next"))
