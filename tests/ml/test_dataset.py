"""The rows a model is trained on: how many, which, and that nothing of the future is in their features."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import HOUR, START, klines_of, random_klines, without
from trader.core.errors import BadData
from trader.core.indicators import WARM_UP, compute_indicators
from trader.core.klines import digest, fill_gaps
from trader.ml.dataset import MIN_ROWS, build_dataset

NAMES = ("ma_5", "rsi_7", "mfi_14")
KLINES = random_klines(1600, seed=3)


def test_it_has_the_wanted_rows_and_each_is_the_indicators_of_its_kline():
    dataset = build_dataset(KLINES, names=NAMES, rows=300)
    expected = compute_indicators(KLINES, NAMES)[-301:-1]
    assert dataset.features.shape == (300, 3)
    assert dataset.features.tobytes() == np.ascontiguousarray(expected).tobytes()
    assert not np.isnan(dataset.features).any()


def test_each_label_tells_whether_the_next_close_is_higher():
    dataset = build_dataset(KLINES, names=NAMES, rows=300)
    closes = KLINES.close[-301:].tolist()
    assert dataset.labels.tolist() == [1.0 if after > close else 0.0 for close, after in pairwise(closes)]


def test_an_unchanged_close_is_no_rise():
    closes = KLINES.close.copy()
    closes[1400:1500] = closes[1400]
    flat = klines_of(closes)
    labels = build_dataset(flat, names=("ma_5",), rows=599).labels
    assert labels[1400 - WARM_UP : 1499 - WARM_UP].tolist() == [0.0] * 99
    assert len(labels) == 599


def test_it_tells_which_klines_it_was_made_from():
    dataset = build_dataset(KLINES, names=NAMES, rows=300)
    used = KLINES[-(300 + WARM_UP) :]
    assert (dataset.first, dataset.last) == (used.first, START + 1599 * HOUR)
    assert dataset.klines_digest == digest(used) != digest(KLINES)


def test_older_klines_than_it_needs_change_nothing():
    all_of_them = build_dataset(KLINES, names=NAMES, rows=300)
    enough = build_dataset(KLINES[-(300 + WARM_UP) :], names=NAMES, rows=300)
    assert all_of_them.features.tobytes() == enough.features.tobytes()
    assert (all_of_them.klines_digest, all_of_them.first) == (enough.klines_digest, enough.first)


def test_with_less_history_than_wanted_it_takes_what_there_is():
    dataset = build_dataset(KLINES, names=NAMES, rows=100_000)
    assert len(dataset.labels) == 1600 - WARM_UP
    assert dataset.first == START


@settings(max_examples=25, deadline=None)
@given(last=st.integers(WARM_UP + MIN_ROWS, 1598), seed=st.integers(0, 99))
def test_what_comes_after_the_last_kline_changes_nothing(last, seed):
    other = random_klines(1600, seed=seed, price=KLINES.close[last])
    joined = {name: np.concatenate([getattr(KLINES, name)[: last + 1], column[last + 1 :]])
              for name, column in other.columns()}  # fmt: skip
    cut, then_cut = KLINES.until(START + last * HOUR), replace(KLINES, **joined).until(START + last * HOUR)
    first, second = (build_dataset(klines, names=NAMES, rows=200) for klines in (cut, then_cut))
    assert first.last == START + last * HOUR
    assert first.features.tobytes() == second.features.tobytes()
    assert first.labels.tobytes() == second.labels.tobytes()
    full = build_dataset(KLINES, names=NAMES, rows=1600)
    stop = last + 1 - WARM_UP  # the same row by row in a set that goes further: no row looks beyond its own kline
    assert full.features[stop - 200 : stop].tobytes() == first.features.tobytes()
    assert full.labels[stop - 200 : stop].tobytes() == first.labels.tobytes()


def test_the_newest_kline_decides_the_last_label_and_reaches_no_feature():
    before = build_dataset(KLINES, names=NAMES, rows=300)
    previous = KLINES.close[-2]
    for close, label in ((previous * 2, 1.0), (previous / 2, 0.0)):
        columns = {name: getattr(KLINES, name).copy() for name in ("open", "high", "low", "close", "volume")}
        for name in ("open", "high", "low", "close"):
            columns[name][-1] = close
        columns["volume"][-1] = 1e9
        changed = build_dataset(replace(KLINES, **columns), names=NAMES, rows=300)
        assert changed.features.tobytes() == before.features.tobytes()
        assert changed.labels[:-1].tobytes() == before.labels[:-1].tobytes()
        assert changed.labels[-1] == label


def test_no_feature_is_a_copy_of_the_label():
    dataset = build_dataset(KLINES, names=NAMES, rows=500)
    for column in dataset.features.T:
        assert abs(np.corrcoef(column, dataset.labels)[0, 1]) < 0.25  # a random walk tells nothing about tomorrow


def test_rows_whose_own_or_next_kline_is_filled_are_left_out():
    holes = (1300, 1301, 1500)
    filled = fill_gaps(without(KLINES, *holes))
    dataset = build_dataset(filled, names=NAMES, rows=600)
    left_out = {hole - offset for hole in holes for offset in (0, 1)}
    kept = [row for row in range(WARM_UP - 1, 1599) if row not in left_out]
    assert dataset.features.tobytes() == np.ascontiguousarray(compute_indicators(filled, NAMES)[kept]).tobytes()
    assert len(dataset.labels) == len(kept) == 600 - len(left_out)


@pytest.mark.parametrize("count", [0, 1, WARM_UP, WARM_UP + MIN_ROWS - 1])
def test_too_few_klines_are_refused_with_how_many_are_needed(count):
    with pytest.raises(BadData, match=f"{count} klines are too few to train on: 1000 of warm-up and 200 rows"):
        build_dataset(KLINES[:count], names=NAMES, rows=1000)


def test_just_enough_klines_are_enough():
    assert len(build_dataset(KLINES[: WARM_UP + MIN_ROWS], names=NAMES, rows=1000).labels) == MIN_ROWS


@pytest.mark.parametrize("rows", [0, 199])
def test_too_few_wanted_rows_are_refused(rows):
    with pytest.raises(BadData, match=f"{rows + WARM_UP} klines are too few"):
        build_dataset(KLINES, names=NAMES, rows=rows)


def test_a_single_hole_can_leave_too_few_real_rows():
    filled = fill_gaps(without(KLINES[: WARM_UP + MIN_ROWS], 1100))
    with pytest.raises(BadData, match="only 198 rows are real klines with a known next close; 200 are needed"):
        build_dataset(filled, names=NAMES, rows=200)


@pytest.mark.parametrize(("step", "label"), [(0.1, 1), (-0.01, 0), (0.0, 0)])
def test_one_class_is_nothing_to_learn_from(step, label):
    with pytest.raises(BadData, match=f"every one of 300 labels is {label}; there is nothing to learn from one class"):
        build_dataset(klines_of(100 + step * np.arange(1400)), names=("ma_5",), rows=300)
