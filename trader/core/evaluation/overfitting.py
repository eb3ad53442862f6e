"""The probability of backtest overfitting: how often the best trial of one half is not good in the other.

Bailey, Borwein, López de Prado & Zhu (2017), combinatorially symmetric cross-validation: the rows are cut into S
blocks; each choice of S/2 of them is once the in-sample half, and the rest the out-of-sample half. A search overfits as
often as the best trial in sample is not above the median out of sample.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from trader.core.errors import BadConfig, BadData
from trader.core.klines import FloatArray

BLOCKS = 16
_MIN_BLOCKS, _MAX_BLOCKS = 2, 20
_MIN_BLOCK_ROWS = 2
_CHUNK_CELLS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfitting:
    """What became of the best trial in sample, over all `splits`.

    `pbo`: share of splits in which it is not above the median out of sample (0.5 for noise, near 0 for an edge).
    `logit_*`: mean and 5, 50 and 95 % quantiles of the log odds of its relative rank out of sample, above 0 is good.
    `loss`: share of splits in which it lost money out of sample. `slope`: out-of-sample Sharpe ratio per unit of
    in-sample Sharpe ratio across the splits (negative: what looked better did worse), None when all were alike.
    """

    trials: int
    rows: int
    blocks: int
    splits: int
    pbo: float
    logit_mean: float
    logit_low: float
    logit_median: float
    logit_high: float
    loss: float
    slope: float | None


def backtest_overfitting(returns: FloatArray, *, blocks: int = BLOCKS) -> Overfitting:
    """Return the probability of overfitting from the trials' returns on the same rows, shape (rows, trials).

    Rows that do not fill the last block are left out at the beginning. A trial that did not move has Sharpe ratio 0.
    Raises BadConfig for a number of blocks that is odd or not within 2..20; BadData for fewer than two trials, fewer
    than two rows a block, or returns that are not finite.
    """
    _check(returns, blocks=blocks)
    size = len(returns) // blocks
    kept = returns[len(returns) - size * blocks :]
    sums = kept.reshape(blocks, size, -1).sum(axis=1)
    squares = (kept**2).reshape(blocks, size, -1).sum(axis=1)
    halves = _halves(blocks)
    at_once = max(1, _CHUNK_CELLS // returns.shape[1])
    chunks = [
        _judge(halves[begin : begin + at_once], sums=sums, squares=squares, rows=size * blocks // 2)
        for begin in range(0, len(halves), at_once)
    ]
    in_sample, out_of_sample, rank, earned = np.concatenate(chunks, axis=1)
    odds = rank / (returns.shape[1] + 1)
    logits = np.log(odds / (1.0 - odds))
    low, median, high = np.quantile(logits, [0.05, 0.5, 0.95])
    return Overfitting(
        trials=returns.shape[1],
        rows=len(kept),
        blocks=blocks,
        splits=len(halves),
        pbo=float((logits <= 0).mean()),
        logit_mean=float(logits.mean()),
        logit_low=float(low),
        logit_median=float(median),
        logit_high=float(high),
        loss=float((earned < 0).mean()),
        slope=_slope(in_sample, out_of_sample),
    )


def _check(returns: FloatArray, *, blocks: int) -> None:
    if blocks % 2 or not _MIN_BLOCKS <= blocks <= _MAX_BLOCKS:
        raise BadConfig(f"overfitting: {blocks} blocks; use an even number from {_MIN_BLOCKS} to {_MAX_BLOCKS}")
    if returns.ndim != 2 or returns.shape[1] < 2:  # noqa: PLR2004 - rows and columns; a choice needs two
        raise BadData(f"overfitting: returns of shape {returns.shape}; at least two completed trials are needed")
    if len(returns) < blocks * _MIN_BLOCK_ROWS:
        raise BadData(f"overfitting: {len(returns)} rows are too few for {blocks} blocks of {_MIN_BLOCK_ROWS} rows")
    if not np.isfinite(returns).all():
        raise BadData("overfitting: some returns are not known; give every trial the same settled rows")


def _halves(blocks: int) -> FloatArray:
    """Return every choice of half of the blocks, one row each, 1 for chosen."""
    chosen = list(combinations(range(blocks), blocks // 2))
    halves = np.zeros((math.comb(blocks, blocks // 2), blocks))
    halves[np.arange(len(chosen))[:, np.newaxis], chosen] = 1.0
    return halves


def _judge(halves: FloatArray, *, sums: FloatArray, squares: FloatArray, rows: int) -> FloatArray:
    """Return (4, splits): the best trial's Sharpe ratio in and out of sample, its rank and its sum out of sample.

    Rank 1 is the worst trial; equal ones share the mean of their ranks.
    """
    inside = _sharpes(halves @ sums, halves @ squares, rows=rows)
    others = 1.0 - halves
    outside_sums = others @ sums
    outside = _sharpes(outside_sums, others @ squares, rows=rows)
    split, best = np.arange(len(halves)), inside.argmax(axis=1)
    reached = outside[split, best]
    below = (outside < reached[:, np.newaxis]).sum(axis=1)
    equal = (outside == reached[:, np.newaxis]).sum(axis=1)
    return np.stack([inside[split, best], reached, below + (equal + 1) / 2, outside_sums[split, best]])


def _sharpes(sums: FloatArray, squares: FloatArray, *, rows: int) -> FloatArray:
    """Return Sharpe ratios per kline from sums and sums of squares; 0 where nothing moved."""
    variance = (squares - sums**2 / rows) / (rows - 1)
    moved = variance > 1e-12 * squares / rows
    ratios = np.zeros_like(sums)
    np.divide(sums / rows, np.sqrt(np.where(moved, variance, 1.0)), out=ratios, where=moved)
    return ratios


def _slope(in_sample: FloatArray, out_of_sample: FloatArray) -> float | None:
    """Return the slope of the least-squares line."""
    apart = in_sample - in_sample.mean()
    squares = float(apart @ apart)
    if squares <= 1e-12 * float(in_sample @ in_sample):
        return None
    return float(apart @ out_of_sample) / squares
