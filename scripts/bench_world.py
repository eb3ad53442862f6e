"""A bot in testnet mode to be measured: runs as processes, the local testnet and an S3 server in this one."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from scripts.bench_figures import Process, clean_environment, timed
from tests.adapters.notices.services import running_service
from tests.adapters.trackers.mlflow_server import mlflow_server
from tests.counted import CountedWorld, Requests, counted_world
from tests.worlds import QUICK, SMALL_MODEL
from trader.core.klines import Klines

HOUR = timedelta(hours=1)
SYMBOL = "BTCUSDT"
_EAGER = {
    "TRADER__DECISION__BAND": "0",
    "TRADER__DECISION__MIN_VOLATILITY": "0",
    "TRADER__RETRAIN__TIMING": "external",
}
"""The default model, but it may change its mind every hour: orders are what is timed, and never a training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run that was done as a process, in seconds since the process was started; `memory` in MB.

    `storage_seconds` is how long the S3 server itself worked until the commit, `errors` what came on standard error.
    """

    order: float | None
    commit: float
    exit: float
    memory: float
    storage_seconds: float
    stages: dict[str, float]
    requests: Requests
    errors: str

    @property
    def own(self) -> float:
        """Until the commit, without the time in which the S3 server of this process was working."""
        return self.commit - self.storage_seconds


@dataclass(slots=True)
class MeasuredWorld:
    """A world, the next kline that its bot decides on, and the settings that say who is told of it."""

    counted: CountedWorld
    next: datetime
    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What the bot's processes get: the settings of real life, where the world's are shortened for tests."""
        settings = self.counted.world.environment
        kept = {name: value for name, value in settings.items() if name not in (*SMALL_MODEL, *QUICK)}
        return clean_environment(kept | _EAGER | self.told)

    @property
    def url(self) -> str:
        """The store's address."""
        return self.counted.world.environment["TRADER__STORAGE__URL"]

    def run(self, *flags: str) -> Run:
        """Do the next run in a process of its own; `flags` are for the interpreter. Ends the program if it fails."""
        open_time, self.next = self.next, self.next + HOUR
        found: dict[str, Any] = {}
        clock = self.counted.world.net.venue.clock

        def work() -> None:
            found["clock_ms"] = clock.now_ms()
            found["process"] = timed("run", "--json", environment=self.environment, flags=flags)

        seen = self.counted.watch(open_time, work)
        return _measured(found["process"], seen, clock_ms=found["clock_ms"])


def _measured(process: Process, seen: Requests, *, clock_ms: int) -> Run:
    """Put together what the process and the servers say; `clock_ms` is the testnet's time when it was started."""
    (answer,) = json.loads(process.out)["runs"]
    if answer["outcome"] != "done":
        raise SystemExit(f"the run was not done: {answer}")
    timings = answer["timings"]
    return Run(
        order=None if seen.order is None else (seen.order.at - clock_ms) / 1000,
        commit=seen.to_commit[-1].until - process.started,
        exit=process.ended - process.started,
        memory=process.memory,
        storage_seconds=sum(each.until - each.at for each in seen.to_commit),
        stages={"start": timings.pop("started") - process.started, **timings},
        requests=seen,
        errors=process.errors,
    )


@contextmanager
def everybody_told(folder: Path) -> Iterator[dict[str, str]]:
    """Give the settings with which a run tells a real MLflow server and a service for notices of itself."""
    folder.mkdir(parents=True)
    with mlflow_server(folder) as server, running_service() as service:
        yield {
            "TRADER__TRACKER__KINDS": "mlflow",
            "TRADER__TRACKER__MLFLOW_URI": server.url,
            "TRADER__NOTIFY__URLS": service.url("notices"),
            "TRADER__NOTIFY__SUCCESS": "true",
        }


@contextmanager
def measured_world(
    folder: Path, klines: Klines, *, first: datetime, told: Mapping[str, str]
) -> Iterator[MeasuredWorld]:
    """Give a world whose bot has made its model and its first two runs, the second one in steady state."""
    with counted_world(folder, {SYMBOL: klines}, first=first) as counted:
        world = MeasuredWorld(counted, first, told)
        for _ in range(2):
            world.run()
        yield world
