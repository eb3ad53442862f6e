"""Which events become notices to people, in which words, and which of them go out. Nothing is sent here."""

from trader.jobs.notices.daily import daily
from trader.jobs.notices.due import Due, due
from trader.jobs.notices.runs import Known, of_failure, of_runs
from trader.jobs.notices.trainings import of_training
from trader.jobs.notices.watch import of_drift, of_tracker, of_verification

__all__ = [
    "Due",
    "Known",
    "daily",
    "due",
    "of_drift",
    "of_failure",
    "of_runs",
    "of_tracker",
    "of_training",
    "of_verification",
]
