"""The walk-forward's chart: the curves are right, whatever they look like, and the same input gives the same bytes."""

from datetime import timedelta

import numpy as np
import pytest

from tests.builders import START
from tests.core.evaluation.streams import COSTS, random_walk, stream_of
from trader.core.accounting import Costs
from trader.core.klines import to_ms
from trader.report.walk_forward_chart import Panel, Period, curves_of, draw_walk_forward

FREE = Costs(fee_rate=0.0, slippage_rate=0.0)


def panel(*streams, name="raw sign"):
    return Panel(name=name, periods=tuple(Period(name=f"period {n}", stream=each) for n, each in enumerate(streams)))


def two_periods():
    first = stream_of([1.0, 1.0], closes=[100.0, 110.0, 99.0])
    second = stream_of([-1.0, 0.0], closes=[200.0, 180.0, 190.0], start=START + timedelta(days=1))
    return panel(first, second)


def test_curves_are_sums_over_all_periods_each_of_which_begins_flat():
    curves = curves_of(two_periods(), costs=COSTS, seed=0)
    assert curves.gross == pytest.approx([10.0, 0.0, 10.0, 10.0])
    assert curves.net == pytest.approx([9.9, -0.1, 9.8, 9.7])
    assert curves.long == pytest.approx([10.0, 0.0, -10.0, -10.0 + 100 / 18])
    hours = (curves.closed - to_ms(START)) / 3_600_000
    assert hours.tolist() == [2, 3, 26, 27], "known when the next kline closes"


def test_a_coin_of_a_strategy_that_is_always_long_is_that_strategy():
    closes = random_walk(50, seed=3)
    curves = curves_of(panel(stream_of(np.ones(50), closes=closes)), costs=COSTS, seed=1)
    assert curves.coins_low == pytest.approx(curves.net)
    assert curves.coins_high == pytest.approx(curves.net)


def test_the_band_of_the_coins_holds_nine_tenths_of_them():
    rng = np.random.default_rng(5)
    stream = stream_of(np.repeat(rng.choice([-1.0, 1.0], 100), 4), closes=random_walk(400, seed=9), costs=FREE)
    narrow = curves_of(panel(stream), costs=FREE, seed=2, coins=400)
    assert (narrow.coins_low <= narrow.coins_high).all()
    # Fair coins on a random walk: the band grows like the square root of time around 0.
    assert narrow.coins_low[-1] < 0 < narrow.coins_high[-1]
    spread = 100 * np.sqrt((stream.moves**2).sum())
    assert narrow.coins_high[-1] - narrow.coins_low[-1] == pytest.approx(2 * 1.645 * spread, rel=0.35)


def test_a_picture_is_a_function_of_its_input():
    one, two = (draw_walk_forward([two_periods()], title="BTCUSDT 1h", costs=COSTS, seed=0) for _ in range(2))
    assert one.startswith(b"\x89PNG")
    assert one == two


@pytest.mark.slow
def test_a_picture_has_a_panel_for_each_strategy():
    sizes = []
    for count in (1, 2):
        png = draw_walk_forward([two_periods()] * count, title="BTCUSDT 1h", costs=COSTS, seed=0)
        sizes.append(tuple(int.from_bytes(png[at : at + 4], "big") for at in (16, 20)))
    assert sizes == [(1500, 860), (1500, 1540)]
