"""The totals of a summary while they grow: what one more run adds to each."""

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from trader.core.decomposition import Decomposition, Held, decompose
from trader.core.evaluation.calibration import wilson
from trader.report.summary.model import HIT_WINDOW, RETURN_BINS, RETURN_STEP, Now, Summary, Totals
from trader.report.summary.rows import Run

OFF_TARGET = 0.01
"""A position this much of the notional short of its target is off it."""


class Sums:
    """`Totals`, the histogram of returns, the newest hits, and the decomposition."""

    def __init__(self, summary: Summary | None, *, notional: float, rate: float) -> None:
        totals = summary.totals if summary else Totals()
        self._notional = notional
        self._rate = rate
        self._totals: dict[str, Any] = {name: getattr(totals, name) for name in _names()}
        self._causes: dict[str, float] = asdict(totals.decomposition)
        self._returns = list(summary.returns) if summary else [0] * RETURN_BINS
        self._recent = deque(summary.recent if summary else (), maxlen=HIT_WINDOW)
        self._recent_hits = sum(self._recent)
        self._held = summary.held if summary else None
        self._exposure_before = summary.exposure_before if summary else 0.0

    def add(self, run: Run, *, before: Now | None, now: Now) -> None:
        """Add a run, which took the bot from `before` (None: it is the first one) to `now`."""
        totals = self._totals
        totals["runs"] += 1
        totals["missed"] += run.missed
        totals["filled"] += run.outcome == "filled"
        totals["orders"] += run.side is not None
        totals["off_target"] += now.off_target
        if before is not None:
            self._settle(run, before=before)
            totals["round_trips"] += _sign(before.exposure) not in (0, _sign(now.exposure))
            self._exposure_before = before.exposure
        if run.fees is not None:
            totals["fees"] = run.fees
        if run.execution_equity is not None:
            totals["execution"] = run.execution_equity
        self._decompose(run, is_new_epoch=before is not None and before.epoch != now.epoch)

    def _settle(self, run: Run, *, before: Now) -> None:
        totals = self._totals
        totals["klines"] += run.settled_klines
        totals["settled"] += 1
        totals["net"] += run.settled_net
        totals["gross"] += run.settled_gross
        totals["net_squares"] += run.settled_net**2
        totals["growth"] *= 1.0 + run.settled_net
        totals["peak"] = max(totals["peak"], totals["net"])
        totals["max_drawdown"] = max(totals["max_drawdown"], self.drawdown)
        totals["turnover"] += abs(before.exposure - self._exposure_before)
        if before.exposure and run.settled_klines:
            self._returns[_bin_of(run.settled_net)] += 1
        if before.exposure and run.settled_klines and "filled" not in (before.outcome, run.outcome):
            self._count_hit(int(run.settled_gross > 0))

    def _count_hit(self, hit: int) -> None:
        self._totals["exposed"] += 1
        self._totals["hits"] += hit
        if len(self._recent) == HIT_WINDOW:
            self._recent_hits -= self._recent[0]
        self._recent.append(hit)
        self._recent_hits += hit

    def _decompose(self, run: Run, *, is_new_epoch: bool) -> None:
        after = _held_after(run, rate=self._rate, notional=self._notional)
        if after is None:
            return
        # A new epoch begins with nothing: the position is valued at the close before, and earns no more.
        before = replace(self._held, position=0.0) if self._held is not None and is_new_epoch else self._held
        added = decompose(before, after)
        for cause in self._causes:
            self._causes[cause] += getattr(added, cause)
        self._held = after

    @property
    def net(self) -> float:
        """The sum of net returns, a fraction of the notional."""
        return float(self._totals["net"])

    @property
    def gross(self) -> float:
        """The sum of gross returns, a fraction of the notional."""
        return float(self._totals["gross"])

    @property
    def drawdown(self) -> float:
        """How far the sum of net returns is below its peak, a fraction of the notional."""
        return float(self._totals["peak"] - self._totals["net"])

    @property
    def causes(self) -> Mapping[str, float]:
        """The decomposition so far, by name."""
        return self._causes

    @property
    def hit_rate(self) -> tuple[float | None, float | None, float | None]:
        """The rolling hit rate with its 95 % interval, None before the first exposed run."""
        count = len(self._recent)
        if not count:
            return None, None, None
        low, high = wilson(self._recent_hits, count)
        return self._recent_hits / count, low, high

    def freeze(self) -> dict[str, Any]:
        """Return the fields of a summary that these are."""
        return {
            "totals": Totals(**self._totals, decomposition=Decomposition(**self._causes)),
            "returns": tuple(self._returns),
            "recent": tuple(self._recent),
            "held": self._held,
            "exposure_before": self._exposure_before,
        }


def is_off_target(run: Run, *, notional: float) -> bool:
    """Tell whether a run ended off its target; one without a close does not know."""
    if run.target is None or run.position is None or run.close is None:
        return False
    return abs(run.target - run.position) * run.close > OFF_TARGET * notional


def _names() -> list[str]:
    return [each.name for each in fields(Totals) if each.name != "decomposition"]


def _held_after(run: Run, *, rate: float, notional: float) -> Held | None:
    """Return both books after a run; one that does not say its notional has that of the settings."""
    if run.close is None or run.paper_gross is None or run.paper_net is None:
        return None
    return Held(
        notional=run.notional or notional,
        close=run.close,
        gross=run.paper_gross,
        net=run.paper_net,
        target=run.target or 0.0,
        position=run.position or 0.0,
        fees=run.fees or 0.0,
        basis=run.basis,
        shortfall=run.shortfall,
        owed=(run.change or 0.0) * rate,
    )


def _bin_of(net: float) -> int:
    return min(RETURN_BINS - 1, max(0, int(net // RETURN_STEP) + RETURN_BINS // 2))


def _sign(exposure: float) -> int:
    return (exposure > 0) - (exposure < 0)
