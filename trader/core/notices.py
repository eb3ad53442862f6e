"""What a person should be told: topics, how urgent each is, and one line that says what to do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Level(StrEnum):
    """How urgent a notice is, rising."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


class Topic(StrEnum):
    """What a notice is about."""

    RUN_FAILED = "run-failed"
    MISSED = "missed-hours"
    HALTED = "halted"
    EPOCH = "epoch-changed"
    UNEXPLAINED = "account-unexplained"
    EXECUTION_GAP = "execution-gap"
    TRAINED = "trained"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    APPROVAL = "approval-wanted"
    TRAINING_FAILED = "training-failed"
    DRIFT = "drift"
    SKEW = "train-serve-skew"
    TRACKER = "tracker-failed"
    RUN_DONE = "run-done"
    DAILY = "daily-summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What became of a message: how many services took it, and in one line why others did not ("" for nothing)."""

    reached: int
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message: what has happened in one line, and what to do in another (empty when nothing has to be done).

    `at` is market time, `symbol` empty when it is about the bot as a whole. Nothing in it is a secret.
    """

    topic: Topic
    level: Level
    symbol: str
    at: datetime
    what: str
    advice: str = ""
