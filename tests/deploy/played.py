"""The part of the world that AWS and the bot play while a deployment waits: tasks end, runs are written down.

Only the clock is not real: it moves when the deployment sleeps, and everything that is due then happens.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.deploy.cloud import BUCKET, Cloud
from trader.core.decision import Decision, Reason
from trader.core.journal import BotState, Inputs, Origin, RunKey, RunRecord, Status
from trader.core.risk import Control, ControlMode, Halt
from trader.core.strategy import PaperBook
from trader.store.codec import to_json

START = datetime(2026, 11, 21, 17, 56, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, NEW, OTHER = "a" * 40, "b" * 40, "c" * 40


def record(  # every part is a choice of some test
    *,
    commit: str,
    open_time: datetime,
    completed_at: datetime,
    symbol: str = "BTCUSDT",
    reason: Reason = Reason.HELD,
    status: Status = Status.COMPLETED,
    halt: Halt | None = None,
    control: Control | None = None,
    missed_from: datetime | None = None,
) -> bytes:
    """A run's record as the bot's own codec writes it."""
    inputs = Inputs(
        model_id="m",
        klines=1000,
        klines_digest="",
        window_start=None,
        price=100.0,
        features={},
        volatility=None,
        volume_ratio=None,
        p_up=None,
        control=control or Control(),
    )
    return to_json(
        RunRecord(
            key=RunKey(bot_id="trader", symbol=symbol, interval="1h", open_time=open_time),
            mode="testnet",
            origin=Origin.LIVE,
            status=status,
            owner="somebody",
            started_at=completed_at,
            completed_at=completed_at if status is Status.COMPLETED else None,
            versions={"trader": "0.2.0", "commit": commit},
            inputs=inputs,
            decision=Decision(target=0.0, reason=reason),
            missed_from=missed_from,
            state=BotState(paper=PaperBook(open_time=open_time, halt=halt)),
        )
    )


@dataclass(slots=True)
class Played:
    """The played world. `exits` is how tasks of a commit end, `runs` which commits complete a run each hour."""

    cloud: Cloud
    time: datetime = START
    exits: dict[str, int | None] = field(default_factory=dict)
    runs: set[str] = field(default_factory=lambda: {OLD, NEW, OTHER})
    symbols: tuple[str, ...] = ("BTCUSDT",)
    halt: Halt | None = None
    control: Control | None = None
    lines: list[str] = field(default_factory=list)
    due: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)
    keeps_running: bool = False
    stopped_reason: str = "Essential container in task exited"

    def wait(self, minutes: float) -> None:
        """Let the world go on without a deployment."""
        self.sleep(60 * minutes)

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        before, self.time = self.time, self.time + timedelta(seconds=seconds)
        for when, what in [each for each in self.due if each[0] <= self.time]:
            self.due.remove((when, what))
            what()
        if not self.keeps_running:
            self.end_tasks()
        tick = self.time.replace(minute=1, second=0)
        if before < tick <= self.time:
            self.run(tick.replace(minute=0) - HOUR)

    def end_tasks(self) -> None:
        for task in self.cloud.tasks():
            if task.last_status != "STOPPED":
                self.end(task, code=self.exits.get(self._commit_of(task), 0))

    def end(self, task, *, code: int | None) -> None:
        task.last_status, task.desired_status = "STOPPED", "STOPPED"
        task.containers[0].exitCode, task.stopped_reason = code, self.stopped_reason
        task.created_at = self.time

    def run(self, open_time: datetime) -> None:
        """The hour's run, by whatever is deployed, if that commit works."""
        commit = self.commit
        if commit in self.runs:
            for symbol in self.symbols:
                data = record(
                    commit=commit,
                    open_time=open_time,
                    completed_at=self.time,
                    symbol=symbol,
                    halt=self.halt,
                    control=self.control,
                )
                self.put(data, open_time=open_time, symbol=symbol)

    def put(self, data: bytes, *, open_time: datetime, symbol: str = "BTCUSDT") -> None:
        key = f"bot/journal/{symbol}/1h/{open_time:%Y/%m/%dT%H%M}.json"
        self.cloud.client("s3").put_object(Bucket=BUCKET, Key=key, Body=data)

    @property
    def commit(self) -> str:
        return self.cloud.stack("trader-bot").parameters["Commit"]

    def _commit_of(self, task) -> str:
        definition = self.cloud.backend("ecs").describe_task_definition(task.task_definition_arn)
        environment = definition.container_definitions[0]["environment"]
        return next((each["value"] for each in environment if each["name"] == "COMMIT"), self.commit)


def loss(at: datetime) -> Halt:
    return Halt(at=at, why="net paper return -0.2100 since start or resume is at or below -0.2")


def stopped_by_hand(at: datetime) -> Control:
    return Control(mode=ControlMode.HALT, why="holiday", who="ann", at=at, sequence=int(at.timestamp()))
