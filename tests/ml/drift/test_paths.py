"""Simulated years: contiguous blocks, windows as live, and limits that are passed as often as is said."""

import numpy as np

from trader.ml.drift.paths import (
    FEWEST_DAYS,
    LOOKS,
    block_days,
    draw_days,
    episodes_a_year,
    limit_for,
    path_length,
    windows,
)


def test_paths_are_made_of_weeks_of_the_sample_in_their_order():
    found = draw_days(days=100, paths=50, length=path_length(), rng=np.random.default_rng(0))
    assert found.shape == (50, path_length())
    assert (found.min(), found.max()) == (0, 99)
    steps = np.diff(found, axis=1) % 100
    assert (np.delete(steps, np.s_[6::7], axis=1) == 1).all()
    assert (steps[:, 6::7] != 1).mean() > 0.9


def test_blocks_of_a_short_sample_are_a_quarter_of_it():
    assert [block_days(days) for days in (1, 4, 9, 28, 365)] == [1, 1, 2, 7, 7]


def test_a_window_holds_the_days_before_a_look_and_nothing_before_the_first():
    daily = np.arange(1.0, 13.0)[np.newaxis]
    found = windows(daily, window=9)
    assert found.shape == (1, 12 - FEWEST_DAYS + 1, 9)
    assert found[0, 0].tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 7]
    assert found[0, -1].tolist() == [4, 5, 6, 7, 8, 9, 10, 11, 12]


def test_a_stretch_above_the_limit_is_one_episode():
    levels = np.zeros((2, LOOKS))
    levels[0, 10:20] = levels[0, 30] = levels[1, 0:5] = 2.0
    assert episodes_a_year(levels, limit=1.0) == 1.5
    assert episodes_a_year(levels, limit=2.0) == 0.0


def test_the_limit_is_passed_no_more_often_than_is_said_and_hardly_less():
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(400, LOOKS + 29))
    levels = np.abs(np.cumsum(noise, axis=1)[:, 29:] - np.cumsum(np.pad(noise, ((0, 0), (1, 0))), axis=1)[:, :LOOKS])
    limit = limit_for(levels, rate=0.2)
    assert 0.15 <= episodes_a_year(levels, limit=limit) <= 0.2
    assert limit_for(np.zeros((3, LOOKS)), rate=0.2) == 0.0
