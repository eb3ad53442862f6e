"""Short streams for the tests of this package, built from closes and exposures as the paper book would."""

import numpy as np

from tests.builders import START
from trader.core.accounting import Costs
from trader.core.evaluation.stream import Stream
from trader.core.klines import interval_ms, to_ms

COSTS = Costs(fee_rate=0.001, slippage_rate=0.0)


def stream_of(exposure, *, closes, costs=COSTS, interval="1h", start=START, **columns):
    """A stream over adjacent klines; `closes` has one more element than `exposure`."""
    held, path = np.array(exposure, dtype=float), np.array(closes, dtype=float)
    gross = held * (path[1:] / path[:-1] - 1.0)
    return Stream(
        interval=interval,
        open_time=to_ms(start) + interval_ms(interval) * np.arange(len(held)),
        close=path[:-1],
        next_close=path[1:],
        exposure=held,
        gross=gross,
        net=gross - costs.rate * np.abs(np.diff(held, prepend=0.0)),
        **({"scorable": np.ones(len(held), dtype=bool)} | columns),
    )


def stream_of_returns(gross, net=None, exposure=None, *, start=START, interval="1h"):
    """A stream with given returns, always long unless told otherwise; its close is always 100."""
    returns = np.array(gross, dtype=float)
    return Stream(
        interval=interval,
        open_time=to_ms(start) + interval_ms(interval) * np.arange(len(returns)),
        close=np.full(len(returns), 100.0),
        exposure=np.ones(len(returns)) if exposure is None else np.array(exposure, dtype=float),
        gross=returns,
        net=returns if net is None else np.array(net, dtype=float),
        scorable=np.ones(len(returns), dtype=bool),
    )


def random_walk(rows, *, seed, deviation=0.005):
    """Closes of a market that nobody can predict, one more than `rows`."""
    return 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, deviation, rows + 1)))
