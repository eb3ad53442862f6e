"""Rows by UTC day: what the model was trained on, and what was served, in one shape."""

from dataclasses import dataclass

import numpy as np

from trader.core.klines import FloatArray, IntArray

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Rows in the order of time: `features` (rows, columns), everything else with an element a row.

    `open_time` in ms UTC. `p_up` and `labels` are NaN where there is none (yet); `gross` and `net` are what a row
    earned, as fractions of the notional, 0 where nothing was held.
    """

    open_time: IntArray
    features: FloatArray
    p_up: FloatArray
    labels: FloatArray
    gross: FloatArray
    net: FloatArray

    def __len__(self) -> int:
        return len(self.open_time)

    def since(self, first_day: int, *, until: int) -> "Rows":
        """Return the rows of the days (since 1970) from `first_day` until before `until`."""
        begin, end = np.searchsorted(self.open_time, [first_day * DAY_MS, until * DAY_MS])
        return self[int(begin) : int(end)]

    def __getitem__(self, rows: slice) -> "Rows":
        return Rows(
            open_time=self.open_time[rows],
            features=self.features[rows],
            p_up=self.p_up[rows],
            labels=self.labels[rows],
            gross=self.gross[rows],
            net=self.net[rows],
        )

    @property
    def first_day(self) -> int:
        """The day (since 1970) of the oldest row."""
        return int(self.open_time[0]) // DAY_MS

    @property
    def day(self) -> IntArray:
        """The day of each row, the first one's being 0."""
        return np.asarray(self.open_time // DAY_MS - self.first_day)

    @property
    def days(self) -> int:
        """How many UTC days there are from the first row to the last."""
        return int(self.day[-1]) + 1

    def by_hour(self, column: FloatArray, *, slots: int) -> FloatArray:
        """Return a column as (days, slots), NaN where there is no row; `slots` is the number of klines a day."""
        table = np.full((self.days, slots), np.nan)
        table[self.day, self.open_time % DAY_MS // (DAY_MS // slots)] = column
        return table

    def by_day(self, column: FloatArray) -> FloatArray:
        """Return the sum of a column over each day, (days,)."""
        return np.bincount(self.day, weights=column, minlength=self.days).astype(np.float64)
