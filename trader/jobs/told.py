"""One symbol's publication while it is done: what was told before, what goes wrong, and what people are told of it."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime

from trader.core.errors import TraderError
from trader.core.journal import RunRecord
from trader.core.notices import Notice
from trader.jobs.bot import Desk
from trader.jobs.dashboard.update import Forward
from trader.jobs.run_context import run_context
from trader.report.summary.model import Summary
from trader.store.publication import Cursor, Problem, Publication, read_publication, write_publication

log = logging.getLogger(__name__)
MOST_PROBLEMS = 50


@dataclass(slots=True, kw_only=True)
class Told:
    """One symbol's publication while it is done; `at` is the market time of everything that is said in it."""

    desk: Desk
    at: datetime
    publication: Publication = field(default_factory=Publication)
    record: RunRecord | None = None
    forward: Forward | None = None
    is_kept: bool = True
    notices: list[Notice] = field(default_factory=list)

    @property
    def summary(self) -> Summary | None:
        """The summary with the newest run in it, None where there is no dashboard."""
        return self.forward.summary if self.forward else None

    def read(self) -> None:
        """Read what was told before. Raises Retryable and NewerSchema."""
        bot = self.desk.bot
        self.publication = read_publication(bot.storage, symbol=self.desk.symbol, interval=bot.interval)

    def keep(self) -> None:
        """Write down what is told now, unless what was told before could not be read."""
        if not self.is_kept:
            return
        bot = self.desk.bot
        write_publication(bot.storage, self.publication, symbol=self.desk.symbol, interval=bot.interval)

    def cursor(self, tracker: str) -> Cursor:
        """Return how far a tracker has come."""
        return self.publication.trackers.get(tracker, Cursor())

    def move(self, tracker: str, cursor: Cursor) -> None:
        """Note how far a tracker has come."""
        self.publication = replace(self.publication, trackers={**self.publication.trackers, tracker: cursor})

    def attempt(self, where: str, work: Callable[[], None], *, level: int = logging.WARNING) -> None:
        """Do one part; what goes wrong is a problem of the publication and of nothing else, and logged."""
        try:
            with self._run():
                work()
        except TraderError as error:
            self.problem(where, str(error), level=level)
        except Exception as error:  # not even a bug in here may fail a run that is committed
            with self._run():
                log.exception("%s: %s has a bug", self.desk.symbol, where)
            self.problem(where, f"{type(error).__name__}: {error}", "this is a bug; please report it with the log")

    def problem(self, where: str, what: str, advice: str = "", *, level: int = logging.WARNING) -> None:
        """Write down what went wrong, and log it."""
        with self._run():
            log.log(level, "%s: %s: %s", self.desk.symbol, where, what)
        self.publication = with_problem(self.publication, Problem(at=self.at, where=where, what=what, advice=advice))

    def _run(self) -> AbstractContextManager[None]:
        """Return what puts the run's key into log lines."""
        return run_context(self.record.key) if self.record else nullcontext()


def with_problem(publication: Publication, problem: Problem) -> Publication:
    """Return the publication with one problem more, once however often it happens; the oldest ones are forgotten."""
    others = tuple(each for each in publication.problems if (each.where, each.what) != (problem.where, problem.what))
    return replace(publication, problems=(*others, problem)[-MOST_PROBLEMS:])
