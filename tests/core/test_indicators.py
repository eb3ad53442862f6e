"""Indicators against arithmetic by hand, against a cut-off future, and against the window that a live run has."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import klines_of, random_klines
from trader.core.errors import BadConfig, BadData
from trader.core.indicators import (
    FEATURE_PRESETS,
    FILTER_INDICATORS,
    INDICATORS,
    WARM_UP,
    compute_indicators,
    feature_names,
    money_flow,
    moving_average,
    relative_strength,
    volatility,
    volume_ratio,
)
from trader.core.klines import Klines, checked, concat, empty, fill_gaps

ALL = tuple(INDICATORS)
HISTORY = random_klines(2400, seed=7)
WHOLE = compute_indicators(HISTORY, ALL)


def with_volume(klines, volume) -> Klines:
    columns = dict(klines.columns())
    return Klines(interval=klines.interval, **{**columns, "volume": np.array(volume, dtype=float)})


def test_the_moving_average_is_divided_by_the_close():
    ratio = moving_average(klines_of([10, 20, 30, 40]), period=3)
    assert np.isnan(ratio[:2]).all()
    np.testing.assert_allclose(ratio[2:], [20 / 30, 30 / 40], rtol=1e-15)


def test_relative_strength_is_wilders():
    # Changes +1 -1 +2 | +1 -2, period 3. First averages are means: gain 3/3, loss 1/3 -> 100 * 1 / (4/3) = 75.
    # Then smoothed (2 * old + new) / 3: gain 1, loss 2/9 -> 100 * 1 / (11/9) = 81.8181...
    # and gain 2/3, loss 22/27 -> 100 * (18/27) / (40/27) = 45.
    index = relative_strength(klines_of([10, 11, 10, 12, 13, 11]), period=3)
    assert np.isnan(index[:3]).all()
    np.testing.assert_allclose(index[3:], [75.0, 900 / 11, 45.0], rtol=1e-12)


def test_money_flow_is_the_share_of_flow_that_came_with_a_rising_typical_price():
    # One price an hour, so the typical price is the close. Flows: 11*2=22 up, 10*3=30 down, 12*1=12 up, 11*4=44 down.
    prices = [10, 11, 10, 12, 11]
    flat = {"open": prices, "high": prices, "low": prices, "close": prices}
    klines = checked(interval="1h", open_time=klines_of(prices).open_time, volume=[1, 2, 3, 1, 4], **flat)
    index = money_flow(klines, period=2)
    assert np.isnan(index[:2]).all()
    np.testing.assert_allclose(index[2:], [100 * 22 / 52, 100 * 12 / 42, 100 * 12 / 56], rtol=1e-12)


def test_money_flow_takes_the_mean_of_high_low_and_close():
    # Typical prices 10, (14+8+11)/3 = 11, (13+6+11)/3 = 10: flows 11*6 up, 10*9 down.
    klines = checked(
        interval="1h",
        open_time=klines_of([1, 1, 1]).open_time,
        open=[10, 10, 11],
        high=[10, 14, 13],
        low=[10, 8, 6],
        close=[10, 11, 11],
        volume=[5, 6, 9],
    )
    assert money_flow(klines, period=2)[2] == pytest.approx(100 * 66 / 156, rel=1e-12)


def test_volatility_is_the_population_deviation_of_returns():
    # Returns +10 %, -10 %, +10 %: over two of them the mean is 0 and the deviation 0.1.
    deviation = volatility(klines_of([100, 110, 99, 108.9]), period=2)
    np.testing.assert_allclose(deviation[2:], [0.1, 0.1], rtol=1e-9)


def test_volume_ratio_is_volume_over_its_own_average():
    ratio = volume_ratio(with_volume(klines_of([1, 1, 1, 1]), [2, 4, 6, 0]), period=2)
    assert np.isnan(ratio[0])
    np.testing.assert_allclose(ratio[1:], [4 / 3, 6 / 5, 0.0], rtol=1e-15)


def test_volume_ratio_of_hours_in_which_nothing_traded_is_zero():
    assert compute_indicators(klines_of([1] * 30, volume=0), ["volume_ratio_24"])[23:, 0].tolist() == [0.0] * 7


def test_the_table_holds_the_tutorials_ten_and_the_filters():
    assert (
        *("ma_5", "ma_10", "ma_15", "ma_20", "rsi_7", "rsi_14", "rsi_21", "mfi_7", "mfi_14", "mfi_21"),
        *("volatility_24", "volume_ratio_24"),
    ) == ALL
    assert set(FILTER_INDICATORS) <= set(ALL)


def test_the_presets_keep_the_tutorials_order():
    ten = ("ma_5", "ma_10", "ma_15", "ma_20", "rsi_7", "mfi_7", "rsi_14", "mfi_14", "rsi_21", "mfi_21")
    assert feature_names("ten") == ten
    assert feature_names("nine") == tuple(name for name in ten if name != "ma_15")
    assert all(set(names) <= set(ALL) for names in FEATURE_PRESETS.values())


def test_an_unknown_preset_or_indicator_names_the_known_ones():
    with pytest.raises(BadConfig, match="feature preset 'all' is unknown; use one of ten, nine"):
        feature_names("all")
    with pytest.raises(BadConfig, match=r"indicator 'ema_5' is unknown; the table .* has \['ma_5'"):
        compute_indicators(HISTORY, ["ma_5", "ema_5"])


def test_columns_come_in_the_order_asked_for():
    matrix = compute_indicators(HISTORY, ["rsi_7", "ma_5"])
    np.testing.assert_array_equal(matrix[:, 0], WHOLE[:, ALL.index("rsi_7")])
    np.testing.assert_array_equal(matrix[:, 1], WHOLE[:, ALL.index("ma_5")])


def test_leading_rows_are_missing_until_there_are_enough_klines():
    for column, name in enumerate(ALL):
        kind, _, period = name.rpartition("_")
        first = int(np.flatnonzero(~np.isnan(WHOLE[:, column]))[0])
        # Strength and flow compare with the kline before, so they need one more.
        assert first == int(period) - (0 if kind in ("rsi", "mfi") else 1), name
    assert not np.isnan(WHOLE[23:]).any()


def test_fewer_klines_than_an_indicator_needs_are_all_missing():
    assert np.isnan(compute_indicators(HISTORY[:4], ["ma_5", "rsi_7", "mfi_21"])).all()
    assert compute_indicators(empty("1h"), ALL).shape == (0, len(ALL))


def test_every_value_has_at_most_six_decimals():
    values = WHOLE[~np.isnan(WHOLE)]
    assert [float(f"{value:.6f}") for value in values[:5000]] == values[:5000].tolist()


def test_zero_is_never_negative():
    falling = compute_indicators(klines_of([1000 - hour for hour in range(100)]), ALL)
    zeros = falling[falling == 0]
    assert len(zeros) > 100
    assert not np.signbit(zeros).any()


def test_a_constant_price_is_at_its_average_with_no_strength_and_no_flow():
    row = dict(zip(ALL, compute_indicators(klines_of([100] * 60), ALL)[-1], strict=True))
    assert {name for name, value in row.items() if value == 1.0} == {
        *("ma_5", "ma_10", "ma_15", "ma_20", "volume_ratio_24")
    }
    assert {value for name, value in row.items() if name.startswith(("rsi", "mfi", "volatility"))} == {0.0}


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
def test_a_missing_value_raises_instead_of_becoming_zero_for_ever(name, value):
    columns = {other: column.copy() for other, column in HISTORY.columns()}
    columns[name][1200] = value
    with pytest.raises(BadData, match=f"klines: {name} has a missing or infinite value"):
        compute_indicators(Klines(interval="1h", **columns), ["ma_5"])


def test_the_window_of_a_live_run_gives_the_numbers_of_the_full_history():
    for end in range(WARM_UP, len(HISTORY), 7):
        window = compute_indicators(HISTORY[end - WARM_UP : end], ALL)
        np.testing.assert_array_equal(window[-1], WHOLE[end - 1])


def test_a_ratio_half_way_between_two_decimals_is_rounded_the_same_wherever_the_window_begins():
    # 8000 + 0.02 k and four closes of 8000: their mean over the last close is 1 + k / 2 000 000, exactly half-way.
    walk = np.round(80 * HISTORY.close[:1200], 2)
    for k in range(1, 100, 2):
        klines = klines_of([*walk[k:], 8000 + 0.02 * k, 8000, 8000, 8000, 8000])
        rounded = {compute_indicators(klines[start:], ["ma_5"])[-1, 0] for start in range(0, 200, 10)}
        assert rounded == {round(1 + (k + 1) / 2 * 1e-6, 6)}


@pytest.mark.real_data
@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT"])
def test_the_window_of_a_live_run_gives_the_numbers_of_seven_years(real_data, symbol):
    frame = pd.read_parquet(real_data / f"{symbol}-1h.parquet")
    columns = {name: frame[name].to_numpy() for name in ("open_time", "open", "high", "low", "close", "volume")}
    klines = fill_gaps(checked(interval="1h", **columns))
    whole = compute_indicators(klines, ALL)
    # Windows differ from the full history by less than 1e-11, so only an hour with a value that close to where
    # rounding turns could come out differently: look at all of those with room to spare, and at some others.
    raw = np.stack([INDICATORS[name](klines) for name in ALL], axis=1)
    close_call = (np.abs(raw * 1e6 % 1 - 0.5) < 2e-4).any(axis=1)
    ends = {*(np.flatnonzero(close_call) + 1).tolist(), *range(WARM_UP, len(klines), 97)}
    assert close_call.sum() > 100
    for end in (end for end in ends if end >= WARM_UP):
        window = compute_indicators(klines[end - WARM_UP : end], ALL)
        np.testing.assert_array_equal(window[-1], whole[end - 1])


def test_a_money_flow_of_zero_is_zero_wherever_the_window_begins():
    # After long trading, 30 falling hours: no positive flow is left, but the running sum keeps its rounding error.
    falling = klines_of(
        HISTORY.close[-1] * 0.999 ** np.arange(1, 31), start=HISTORY.last + (HISTORY.last - HISTORY[:-1].last)
    )
    klines = concat([HISTORY, falling], "1h")
    raw = [money_flow(klines[start:], period=14)[-1] for start in range(0, 2000, 100)]
    assert len(set(raw)) > 1  # the reason for rounding: as TA-Lib leaves them, equal hours differ
    rounded = [compute_indicators(klines[start:], ["mfi_14"])[-1, 0] for start in range(0, 2000, 100)]
    assert set(rounded) == {0.0}


@given(st.integers(1, len(HISTORY)))
@settings(deadline=None, derandomize=True)
def test_cutting_off_the_future_changes_no_indicator_before_the_cut(cut):
    np.testing.assert_array_equal(compute_indicators(HISTORY[:cut], ALL), WHOLE[:cut])


@given(st.integers(30, len(HISTORY) - 1), st.integers(0, 10_000))
@settings(deadline=None, derandomize=True, max_examples=30)
def test_another_future_changes_no_indicator_before_it(cut, seed):
    future = random_klines(50, seed=seed, start=HISTORY[cut : cut + 1].first, price=float(HISTORY.close[cut - 1]))
    other = compute_indicators(concat([HISTORY[:cut], future], "1h"), ALL)
    np.testing.assert_array_equal(other[:cut], WHOLE[:cut])


def test_computing_changes_no_kline():
    before = HISTORY[:100].close.copy()
    compute_indicators(HISTORY[:100], ALL)
    np.testing.assert_array_equal(HISTORY.close[:100], before)
