"""How many trials a search was: repetitions count once, unrelated ones each, and pruned ones are not forgotten."""

from datetime import UTC, datetime

import numpy as np
import pytest

from trader.core.evaluation.luck import TrialsInfo
from trader.core.evaluation.overfitting import backtest_overfitting
from trader.ml.study import Study, Trial, TrialState, WhyStopped
from trader.ml.trials import average_linkage, clusters, overfitting_of, sharpe_variance, silhouette, trials_info

RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(400, 30))


def groups(count, *, size, correlation, seed=1):
    """Streams in groups: within one they correlate so much, between groups not at all."""
    rng = np.random.default_rng(seed)
    shared = np.repeat(rng.normal(size=(400, count)), size, axis=1)
    return np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * rng.normal(size=(400, count * size))


def study(returns, *, sharpes=None, pruned=0, failed=0):
    sharpes = np.zeros(returns.shape[1]) if sharpes is None else sharpes
    trials = [
        Trial(
            number=number,
            state=TrialState.COMPLETE,
            parameters={},
            daily=tuple(daily),
            sharpe=sharpe,
            is_evidence=any(daily),
        )
        for number, (daily, sharpe) in enumerate(zip(returns.T.tolist(), sharpes, strict=True))
    ]
    for state in [TrialState.PRUNED] * pruned + [TrialState.FAILED] * failed:
        trials.append(Trial(number=len(trials), state=state, parameters={}, daily=(0.1, 0.2), sharpe=9.0))
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    return Study(digest="", first=moment, last=moment, folds=3, trials=tuple(trials), why_stopped=WhyStopped.TRIALS)


def test_unrelated_trials_each_count():
    assert clusters(NOISE).tolist() == list(range(30))


@pytest.mark.parametrize(("count", "size", "correlation"), [(3, 10, 0.8), (5, 6, 0.5), (2, 15, 0.6)])
def test_groups_of_alike_trials_count_once_each(count, size, correlation):
    labels = clusters(groups(count, size=size, correlation=correlation))
    assert np.array_equal(np.equal.outer(labels, labels), np.kron(np.eye(count), np.ones((size, size))) == 1)
    assert labels.max() + 1 == count


def test_the_same_trial_again_and_again_is_one():
    same = NOISE[:, :1] + 0.01 * RNG.normal(size=(400, 12))
    assert clusters(same).tolist() == [0] * 12
    assert clusters(np.hstack([same, NOISE[:, 1:4]])).tolist() == [0] * 12 + [1, 2, 3]
    assert clusters(NOISE[:, :1]).tolist() == [0]


def test_mergers_are_those_of_scipys_average_linkage():
    from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415 - only this test needs it
    from scipy.spatial.distance import squareform  # noqa: PLC0415

    distance = np.sqrt((1 - np.corrcoef(NOISE, rowvar=False)).clip(0) / 2)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="average")
    found = list(average_linkage(distance))
    assert [joined_at for _, joined_at in found] == pytest.approx(tree[:, 2].tolist())
    for labels, _ in found:
        theirs = fcluster(tree, labels.max() + 1, criterion="maxclust")
        assert np.array_equal(np.equal.outer(labels, labels), np.equal.outer(theirs, theirs))


def test_a_silhouette_by_hand():
    """Points 0, 1 and 5, 7 on a line: (4.5 - 1) / 6, (5 - 1) / 5, and so on; one alone has 0."""
    points = np.array([0.0, 1.0, 5.0, 7.0])
    distance = np.abs(points[:, None] - points)
    each = [(6 - 1) / 6, (5 - 1) / 5, (4.5 - 2) / 4.5, (6.5 - 2) / 6.5]
    assert silhouette(distance, np.array([0, 0, 1, 1])) == pytest.approx(np.mean(each))
    alone = [(5 - 1) / 5, (4 - 1) / 4, 0.0, 0.0]
    assert silhouette(distance, np.array([0, 0, 1, 2])) == pytest.approx(np.mean(alone))
    assert silhouette(distance, np.zeros(4, dtype=int)) == 0.0


def test_the_variance_counts_each_cluster_once():
    """Means 1 and 5 have variance 8; within the first cluster it is 1, within the second 0."""
    sharpes = np.array([0.0, 2.0, 5.0, 5.0, 5.0, 5.0])
    labels = np.array([0, 0, 1, 1, 1, 1])
    assert sharpe_variance(sharpes, labels=labels) == pytest.approx(8.0 + 0.5)
    assert sharpe_variance(sharpes, labels=np.arange(6)) == pytest.approx(np.var(sharpes, ddof=1))
    assert sharpe_variance(sharpes, labels=np.zeros(6, dtype=int)) == pytest.approx(np.var(sharpes))


def test_pruned_trials_were_chances_too_and_failed_ones_were_none():
    sharpes = RNG.normal(size=20)
    returns = groups(2, size=10, correlation=0.8)
    found = trials_info(study(returns, sharpes=sharpes, pruned=10, failed=7))
    expected = sharpe_variance(sharpes, labels=np.repeat([0, 1], 10))
    assert found == TrialsInfo(raw=30, effective=3.0, sharpe_variance=expected)


def test_trials_that_never_traded_are_no_chances():
    returns = np.hstack([NOISE[:, :3], np.zeros((400, 2))])
    found = trials_info(study(returns, sharpes=[0.1, 0.2, 0.3, None, None]))
    assert (found.raw, found.effective) == (3, 3.0)
    assert found.sharpe_variance == pytest.approx(0.01)
    assert trials_info(study(returns, sharpes=[0.1, 0.2, 0.3, 0.0, 0.0])) == found  # every day came to the same
    assert trials_info(study(np.zeros((400, 2)), sharpes=[None, None])) is None
    assert trials_info(study(np.zeros((400, 0)), pruned=3)) is None


def test_overfitting_is_that_of_the_completed_trials():
    found = overfitting_of(study(NOISE, pruned=4, failed=2))
    assert found.pbo == backtest_overfitting(NOISE).pbo
    assert (found.trials, found.rows) == (30, 400)
    assert overfitting_of(study(NOISE[:, :1], pruned=4)) is None
    assert overfitting_of(study(NOISE[:20])) is None  # too few days for 16 blocks
    assert overfitting_of(study(NOISE[:, :0], failed=2)) is None


def test_trials_that_could_not_win_say_nothing_about_overfitting():
    """Beside noise that loses to its costs they would win every half, and the search would look like no overfitting."""
    losing = NOISE - 1.0
    idle = np.hstack([losing, np.zeros((400, 10))])
    assert backtest_overfitting(idle).pbo == 0.0
    found = overfitting_of(study(idle))
    assert (found.trials, found.pbo) == (30, backtest_overfitting(losing).pbo)
    assert found.pbo > 0.3
