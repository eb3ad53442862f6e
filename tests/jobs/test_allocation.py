"""Several symbols on one account: nobody is given what another one has a claim on."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.builders import HOUR, random_klines
from tests.desks import FIRST, VENUE, make_desk, move_to_run
from trader.adapters.clocks import VirtualClock
from trader.adapters.local_storage import LocalStorage
from trader.adapters.recorded_market import RecordedMarket
from trader.adapters.simulated_exchange import SimulatedExchange
from trader.core.orders import NotSent
from trader.jobs.bot import Desk, states
from trader.jobs.run import Outcome
from trader.jobs.symbols import run_symbols
from trader.simulator.rules import usual_rules

SYMBOLS = ("BTCUSDT", "ETHUSDT", "ETHBTC")


def make_bot(tmp_path):
    """A bot on three symbols; ETH and BTC are the base of one and the quote or base of another."""
    klines = {symbol: random_klines(1440, seed=seed) for seed, symbol in enumerate(SYMBOLS)}
    clock = VirtualClock(FIRST)
    market = RecordedMarket(klines=klines, rules={symbol: usual_rules(symbol) for symbol in SYMBOLS}, clock=clock)
    storage = LocalStorage(tmp_path, durable=False)
    exchange = SimulatedExchange(storage=storage, market=market, clock=clock, venue=VENUE)
    desk = make_desk(tmp_path, klines["BTCUSDT"], clock=clock, market=market, exchange=exchange)
    return replace(desk.bot, notional=Decimal(4000))


@pytest.fixture
def bot(tmp_path):
    """A bot on three symbols."""
    return make_bot(tmp_path)


def live(bot, symbols, hours, *, first=0):
    """Run some hours of some symbols and return all records."""
    bot = replace(bot, symbols=symbols)
    records = []
    for hour in range(first, first + hours):
        move_to_run(Desk(bot=bot, symbol=symbols[0]), FIRST + hour * HOUR)
        answers = run_symbols(bot)
        assert [answer.outcome for answer in answers] == [Outcome.DONE] * len(symbols)
        records += [answer.record for answer in answers]
    return records


def assert_claims_are_covered(bot):
    """What all symbols may sell and spend is there."""
    claims: dict[str, Decimal] = {}
    for symbol, state in states(bot, without=()).items():
        rules, book, share = usual_rules(symbol), state.execution, state.allocation
        owned = {rules.base_asset: share.base + book.position, rules.quote_asset: share.quote + book.cash}
        for asset, claim in owned.items():
            claims[asset] = claims.get(asset, Decimal(0)) + claim
    balances = bot.exchange.balances()
    assert all(claim <= balances.get(asset, Decimal(0)) + Decimal("1e-20") for asset, claim in claims.items())
    return claims


def test_symbols_that_begin_together_share_what_they_have_in_common(bot):
    records = live(bot, SYMBOLS, 8)
    claims = assert_claims_are_covered(bot)
    assert set(claims) == {"BTC", "ETH", "USDT"}
    shares = {record.key.symbol: record.state.allocation for record in records}
    assert shares["BTCUSDT"].quote == shares["ETHUSDT"].quote == Decimal(5000)
    assert not [record for record in records if record.not_sent is NotSent.REFUSED]


def test_a_symbol_that_is_added_later_gets_nothing_that_another_one_has_a_claim_on(bot):
    live(bot, ("BTCUSDT",), 6)
    records = live(bot, ("BTCUSDT", "ETHUSDT"), 10, first=6)
    assert_claims_are_covered(bot)
    late = [record for record in records if record.key.symbol == "ETHUSDT"]
    assert late[0].state.allocation.quote == 0, "all the quote was given to the first one"
    assert not [record for record in records if record.not_sent is NotSent.REFUSED]
    assert {record.not_sent for record in late if record.decision.target > 0 and not record.legs} <= {
        NotSent.NO_QUOTE,
        NotSent.NOTHING_TO_DO,
        NotSent.BELOW_STEP,
        NotSent.BELOW_MIN_NOTIONAL,
    }
