"""A symbol that the exchange does not have any more: its fills stay in the account, and the others go on."""

import logging
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.builders import HOUR
from tests.desks import FIRST, move_to_run
from tests.jobs.test_allocation import SYMBOLS, live, make_bot
from trader.core.errors import BadConfig
from trader.jobs.bot import Desk
from trader.jobs.run import Outcome
from trader.jobs.symbols import left_behind, run_symbols

pytestmark = pytest.mark.slow

BOTH = BTC, ETH = SYMBOLS[:2]


class Delisting:
    """The market and the exchange without one symbol."""

    def __init__(self, real):
        self._real = real

    def __getattr__(self, name):
        return getattr(self._real, name)

    def rules(self, symbol):
        if symbol == ETH:
            raise BadConfig(f"{symbol} is not a symbol of this exchange")
        return self._real.rules(symbol)


@pytest.fixture
def bot(tmp_path):
    """A bot on two symbols that share an asset, after four hours; the exchange has just dropped the second one."""
    made = replace(make_bot(tmp_path), symbols=BOTH, notional=Decimal(500))
    assert [record.state.execution.position != 0 for record in live(made, BOTH, 4)[-2:]] == [True, True]
    return replace(made, market=Delisting(made.market), exchange=Delisting(made.exchange))


def test_the_others_trade_on_when_it_was_taken_out_of_the_list(bot, caplog):
    with caplog.at_level(logging.WARNING):
        records = live(bot, (BTC,), 8, first=4)
    assert all(record.unexplained == () for record in records), "its fills still explain the balances"
    assert any(leg.report for record in records for leg in record.legs)
    assert f"{ETH} is left out of the account" in caplog.text
    alone = replace(bot, symbols=(BTC,))
    move_to_run(Desk(bot=alone, symbol=BTC), FIRST + 12 * HOUR)
    assert [symbol for symbol, _ in left_behind(run_symbols(alone), symbols=(BTC,))] == [ETH]


def test_the_others_trade_on_while_it_is_still_in_the_list(bot):
    move_to_run(Desk(bot=bot, symbol=BTC), FIRST + 4 * HOUR)
    trading, failing = run_symbols(bot)
    assert trading.outcome is Outcome.DONE
    assert trading.record.unexplained == ()
    assert failing.outcome is Outcome.FAILED
    assert "is not a symbol of this exchange" in str(failing.error)
