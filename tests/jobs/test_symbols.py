"""Several symbols in one process: one account, one leader, one wait for a dead owner."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import HOUR
from tests.desks import FIRST, move_to_run
from tests.jobs.test_allocation import SYMBOLS, live, make_bot
from tests.jobs.test_killed import DyingStorage, Killed
from trader.adapters.simulated_exchange import SimulatedExchange
from trader.core.journal import Status
from trader.jobs.bot import Bot, Desk
from trader.jobs.run import Outcome, begin
from trader.jobs.symbols import run_symbols
from trader.store.klines import KlineStore

pytestmark = pytest.mark.slow


@pytest.fixture
def bot(tmp_path):
    """Three symbols that have lived for three hours; the clock stands after the fourth one's close."""
    made = replace(make_bot(tmp_path), symbols=SYMBOLS)
    live(made, SYMBOLS, 3)
    move_to_run(Desk(bot=made, symbol="BTCUSDT"), FIRST + 3 * HOUR)
    return made


def on(bot: Bot, storage, *, owner) -> Bot:
    """The bot as another process with a storage of its own."""
    old = bot.exchange
    exchange = SimulatedExchange(storage=storage, market=bot.market, clock=bot.clock, venue=old._venue)
    return replace(bot, storage=storage, exchange=exchange, klines=KlineStore(storage), owner=owner)


def records_of(bot, open_time):
    return {symbol: Desk(bot=bot, symbol=symbol).journal.read(open_time).record for symbol in SYMBOLS}


def test_who_loses_the_first_symbol_leaves_the_others_alone_too(bot):
    begin(Desk(bot=replace(bot, owner="first"), symbol=SYMBOLS[0]), gone=set())

    class Racing:
        """A storage on which somebody else is always faster with the first symbol's record."""

        def __getattr__(self, name):
            return getattr(bot.storage, name)

        def replace(self, key, data, etag):
            if key.startswith(f"journal/{SYMBOLS[0]}"):
                stored = bot.storage.get(key)
                bot.storage.replace(key, stored.data + b" ", stored.etag)
            return bot.storage.replace(key, data, etag)

    answers = run_symbols(on(bot, Racing(), owner="second"))
    assert [answer.outcome for answer in answers] == [Outcome.IN_PROGRESS] * 3
    assert Desk(bot=bot, symbol=SYMBOLS[1]).journal.read(FIRST + 3 * HOUR) is None


def test_a_dead_owner_is_waited_for_once_however_many_symbols_it_had_claimed(bot):
    bot = replace(bot, lease=timedelta(seconds=1.5))
    for symbol in SYMBOLS:
        begin(Desk(bot=replace(bot, owner="dead"), symbol=symbol), gone=set())
    began = time.monotonic()
    answers = run_symbols(replace(bot, owner="next"))
    assert [answer.outcome for answer in answers] == [Outcome.DONE] * 3
    assert 1.5 <= time.monotonic() - began < 3.0


def count_writes(tmp_path):
    made = replace(make_bot(tmp_path), symbols=SYMBOLS)
    live(made, SYMBOLS, 3)
    move_to_run(Desk(bot=made, symbol="BTCUSDT"), FIRST + 3 * HOUR)
    storage = DyingStorage(made.storage)
    run_symbols(on(made, storage, owner="counted"))
    return storage.writes


def test_killed_at_any_write_the_next_process_trades_what_is_left_and_suspects_nobody(tmp_path):
    """A fill that one symbol has not booked yet must not look like a change of the account to another."""
    total = count_writes(tmp_path / "count")
    assert total > 12
    for at in range(1, total + 1):
        made = replace(make_bot(tmp_path / str(at)), symbols=SYMBOLS, lease=timedelta(seconds=0.05))
        live(made, SYMBOLS, 3)
        move_to_run(Desk(bot=made, symbol="BTCUSDT"), FIRST + 3 * HOUR)
        with pytest.raises(Killed):
            run_symbols(on(made, DyingStorage(made.storage, at=at, after=True), owner="mortal"))
        answers = run_symbols(on(made, made.storage, owner="next"))
        assert {answer.outcome for answer in answers} <= {Outcome.DONE, Outcome.ALREADY_DONE}
        records = records_of(made, FIRST + 3 * HOUR)
        assert all(record.status is Status.COMPLETED for record in records.values())
        assert all(record.unexplained == () and record.new_epoch is None for record in records.values())
        live(made, SYMBOLS, 1, first=4)
        assert all(record.unexplained == () for record in records_of(made, FIRST + 4 * HOUR).values())
