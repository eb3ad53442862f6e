"""Which of the problems that were written down still are ones: what went well since is history."""

from datetime import datetime, timedelta

from trader.core.klines import close_of
from trader.store.publication import Problem, Publication

RECENT = timedelta(days=1)
_RARE = ("daily look", "study", "models", "charts")
"""What is not done in every run: nothing says an hour later whether it would go well now."""
_AHEAD = timedelta(minutes=5)


def is_current(problem: Problem, *, told: Publication, now: datetime, interval: str) -> bool:
    """Tell whether a problem is one of the newest run's, or of what is not done in every run."""
    if problem.at > now + _AHEAD:  # a failed run is noted by this machine's time, which is not that of a demo
        return False
    if problem.where in _RARE:
        return now - problem.at < RECENT
    return told.newest is None or problem.at >= close_of(told.newest, interval)
