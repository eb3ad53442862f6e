"""Single features against the label: what is known, what is noise, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.builders import START, random_klines, without
from trader.core.errors import BadConfig
from trader.core.klines import fill_gaps
from trader.core.labels import directions
from trader.report.feature_statistics import (
    MIN_YEAR,
    Rows,
    auc,
    auc_noise,
    correlation,
    deciles,
    labelled_rows,
    mean_ranks,
    relate,
)

LABELS = np.array([0.0, 1.0, 0.0, 1.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        (LABELS, 1.0),
        (1 - LABELS, 0.0),
        (np.full(6, 7.0), 0.5),
        ([1, 2, 3, 4, 5, 6], 5 / 9),
        ([1, 2, 2, 2, 3, 3], 5.5 / 9),
    ],
)
def test_auc_of_a_perfect_an_anti_a_constant_and_a_feature_by_hand(feature, expected):
    assert auc(np.array(feature, dtype=float), LABELS) == pytest.approx(expected)


def test_auc_of_a_meaningless_feature_stays_in_its_noise_band_19_times_in_20():
    rng = np.random.default_rng(0)
    labels = (rng.random(2000) < 0.53).astype(float)
    noise = auc_noise(labels)
    inside = [abs(auc(rng.normal(size=2000), labels) - 0.5) < noise for _ in range(600)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.03)


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
@settings(max_examples=100, deadline=None)
def test_auc_is_the_share_of_pairs_won_with_ties_as_halves(pairs):
    feature = np.array([float(value) for value, _ in pairs])
    labels = np.array([float(label) for _, label in pairs])
    up, down = feature[labels == 1], feature[labels == 0]
    if not len(up) or not len(down):
        assert np.isnan(auc(feature, labels))
        assert np.isnan(auc_noise(labels))
        return
    won = (up[:, None] > down).sum() + 0.5 * (up[:, None] == down).sum()
    assert auc(feature, labels) == pytest.approx(won / (len(up) * len(down)))


def test_ranks_agree_with_scipy():
    values = np.random.default_rng(1).integers(0, 20, 200).astype(float)
    np.testing.assert_array_equal(mean_ranks(values), stats.rankdata(values))


def test_correlation_agrees_with_numpy_and_is_nan_for_a_constant():
    first, second = np.random.default_rng(2).normal(size=(2, 500))
    assert correlation(first, second) == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert np.isnan(correlation(np.ones(5), np.arange(5.0)))


def test_deciles_hold_a_tenth_each_in_order():
    feature = np.random.default_rng(3).permutation(1000).astype(float)
    labels = (feature >= 900).astype(float)
    cut = deciles(feature, labels)
    assert cut.number.tolist() == list(range(1, 11))
    assert cut.count.tolist() == [100] * 10
    assert cut.smallest.tolist() == [100.0 * n for n in range(10)]
    assert cut.largest.tolist() == [100.0 * n + 99 for n in range(10)]
    assert cut.share.tolist() == [0.0] * 9 + [1.0]
    assert (cut.low <= cut.share + 1e-12).all()
    assert (cut.high >= cut.share - 1e-12).all()


def test_equal_values_are_never_torn_apart():
    feature = np.concatenate([np.zeros(60), np.arange(1, 41)]).astype(float)
    cut = deciles(feature, np.ones(100))
    assert cut.count.sum() == 100
    assert cut.count[0] == 60
    assert (cut.smallest[1:] > cut.largest[:-1]).all()
    assert len(cut.number) == 5


def test_rows_have_every_feature_and_a_label_and_none_is_filled():
    klines = fill_gaps(without(random_klines(300), 100, 101, 200))
    rows = labelled_rows(klines, preset="nine")
    labels = directions(klines)
    assert rows.features.shape == (len(rows), 9)
    assert np.isfinite(rows.features).all()
    assert set(np.unique(rows.labels)) == {0.0, 1.0}
    # 21 klines warm up, 99-101 and 199-200 touch a filled one, the last has no next
    assert len(rows) == 300 - 21 - 3 - 2 - 1 == np.isfinite(labels[21:]).sum()
    np.testing.assert_array_equal(rows.labels, (rows.returns > 0).astype(float))


def test_an_unknown_preset_is_refused():
    with pytest.raises(BadConfig, match="preset"):
        labelled_rows(random_klines(50), preset="eleven")


def rows_of(feature, labels, year) -> Rows:
    return Rows(
        names=("f",),
        features=np.asarray(feature)[:, None],
        labels=labels,
        returns=2 * labels - 1,
        year=np.asarray(year),
    )


def test_a_relation_is_split_by_year_and_counts_the_years_on_its_side():
    rng = np.random.default_rng(4)
    labels = (rng.random(3000) < 0.5).astype(float)
    sign = np.repeat([1.0, 1.0, -1.0], 1000)
    feature = sign * labels + rng.normal(0, 0.5, 3000)
    (relation,) = relate(rows_of(feature, labels, np.repeat([2020, 2021, 2022], 1000)))
    assert sorted(relation.by_year) == [2020, 2021, 2022]
    assert relation.by_year[2020][0] > 0.8
    assert relation.by_year[2022][0] < 0.2
    assert relation.same_side == 2
    assert relation.auc == auc(feature, labels)
    assert relation.correlation == pytest.approx(np.corrcoef(feature, 2 * labels - 1)[0, 1])
    assert relation.noise < relation.by_year[2020][1]


def test_a_year_with_too_few_labels_has_no_auc_of_its_own():
    count = MIN_YEAR + MIN_YEAR - 1
    labels = np.arange(count) % 2.0
    year = np.repeat([2020, 2021], [MIN_YEAR, MIN_YEAR - 1])
    (relation,) = relate(rows_of(np.arange(count, dtype=float), labels, year))
    assert sorted(relation.by_year) == [2020]


def test_the_features_of_a_random_walk_are_noise():
    rows = labelled_rows(random_klines(20_000, seed=5, start=START), preset="ten")
    outside = [abs(relation.auc - 0.5) > 2 * relation.noise for relation in relate(rows)]
    assert not any(outside)
