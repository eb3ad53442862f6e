"""Stationary markets that are not dealt out from anything: indicators with a memory, and a model that is honest.

The columns are autoregressive, with memories from two hours to a day and a half. The returns have a drift that one of
them tells, and p(up) is the exact probability given that column: a model that knows what can be known, and no more.
"""

from dataclasses import replace

import numpy as np
from scipy.signal import lfilter
from scipy.stats import norm

from trader.ml.drift.limits import Budget
from trader.ml.drift.past import stretches
from trader.ml.drift.reference import Reference, reference_of_rows
from trader.ml.drift.sample import Rows

HOURS_OF_MEMORY = np.array([2.0, 4, 6, 8, 12, 12, 18, 24, 24, 36])
TOLD_BY = 4
HORIZON = 2
YEAR = 365
HOUR_MS = 3_600_000
NAMES = tuple(f"memory_{hours:.0f}_{place}" for place, hours in enumerate(HOURS_OF_MEMORY))
BUDGET = Budget(window=30, false_alarms_per_year=0.5)


def market(days, *, seed, skill=0.1, knows=True) -> tuple[Rows, np.ndarray]:
    """Rows of so many days with the market's hourly returns; a model that does not know has another market's labels."""
    rng = np.random.default_rng(seed)
    count = days * 24
    total = count + 1000
    kept = np.exp(-1 / HOURS_OF_MEMORY)
    shocks = rng.normal(size=(total, len(kept))) * np.sqrt(1 - kept**2)
    columns = np.stack([lfilter([1.0], [1.0, -each], shock) for each, shock in zip(kept, shocks.T, strict=True)], 1)
    returns = skill * columns[:, TOLD_BY] + rng.standard_normal(total)
    ahead = returns + np.roll(returns, -1)
    own = kept[TOLD_BY]
    spread = np.sqrt(HORIZON + skill**2 * (1 - own**2))
    p_up = norm.cdf(skill * columns[:, TOLD_BY] * (1 + own) / spread)
    chosen = slice(900, 900 + count)
    labels = (ahead > 0).astype(float)[chosen]
    gross = (np.sign(p_up - 0.5) * (np.abs(p_up - 0.5) > 0.02) * returns * 0.005)[chosen]
    rows = Rows(
        open_time=HOUR_MS * np.arange(count),
        features=columns[chosen],
        p_up=p_up[chosen],
        labels=labels,
        gross=gross,
        net=gross,
    )
    if not knows:
        other, _ = market(days, seed=seed + 1_000_000, skill=skill)
        rows = replace(rows, labels=other.labels, gross=np.abs(gross) * rng.choice((-1.0, 1.0), count))
    return rows, returns[chosen] * 0.005


def trained(rows: Rows, returns, *, days=YEAR, seed=0, budget=BUDGET) -> tuple[Reference, Rows]:
    """The reference of the first year, and the rows after it."""
    count = days * 24
    made = reference_of_rows(
        rows[:count], market=returns[:count], names=NAMES, horizon=HORIZON, slots=24, budget=budget, seed=seed
    )
    return made, rows[count:]


def episodes(above) -> int:
    """How many stretches of True there are."""
    return len(stretches(above))
