"""The calibration while it grows: predictions wait until the close they are about is seen."""

from trader.core.klines import interval_ms
from trader.report.summary.model import CalibrationBins
from trader.report.summary.rows import Run

BINS = 10


class Scores:
    """The bins of `CalibrationBins`, and the predictions that wait."""

    def __init__(self, bins: CalibrationBins, *, interval: str) -> None:
        self._step = interval_ms(interval)
        self._count, self._p_sum, self._ups = list(bins.count), list(bins.p_sum), list(bins.ups)
        self._brier, self._pending = bins.brier, list(bins.pending)

    def add(self, run: Run, *, horizon: int) -> None:
        """Score what the run's close decides, and let its own prediction wait; a filled kline spoils all that wait."""
        if run.outcome == "filled":
            self._pending.clear()
            return
        waiting: list[tuple[int, float, float, int]] = []
        for prediction in self._pending:
            time, p_up, close, ahead = prediction
            due = time + ahead * self._step
            if due > run.open_time:
                waiting.append(prediction)
            elif due == run.open_time and run.close is not None:
                self._score(p_up, went_up=run.close > close)
        if run.p_up is not None and run.close is not None:
            waiting.append((run.open_time, run.p_up, run.close, horizon))
        self._pending = waiting

    def _score(self, p_up: float, *, went_up: bool) -> None:
        place = min(BINS - 1, max(0, int(p_up * BINS)))
        self._count[place] += 1
        self._p_sum[place] += p_up
        self._ups[place] += went_up
        self._brier += (p_up - went_up) ** 2

    def freeze(self) -> CalibrationBins:
        """Return the bins as they are now."""
        return CalibrationBins(
            count=tuple(self._count),
            p_sum=tuple(self._p_sum),
            ups=tuple(self._ups),
            brier=self._brier,
            pending=tuple(self._pending),
        )
