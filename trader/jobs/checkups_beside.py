"""What the doctor looks at beside the runs: versions, room on the disk, and what was told of the newest run.

A finding with advice is a warning; nothing in here keeps a run from its work.
"""

from collections.abc import Mapping

from trader.jobs.checkups import Finding
from trader.ports import ObjectStorage
from trader.store.journal import Journal
from trader.store.publication import Publication, read_publication

_LITTLE = 1_000_000_000
_NUMERIC = ("trader", "commit", "python", "numpy", "talib", "xgboost", "machine")
"""What the numbers of a run depend on, among the versions that its record has."""


def of_versions(versions: Mapping[str, str], *, journal: Journal | None) -> Finding:
    """Say what runs here, and whether the newest record was made by something else."""
    found = ", ".join(f"{name} {version or 'unknown'}" for name, version in versions.items())
    newest = journal.newest() if journal is not None else None
    stored = journal.read(newest) if journal is not None and newest is not None else None
    before = stored.record.versions if stored is not None else {}
    changed = [
        f"{name} was {before[name]}"
        for name in _NUMERIC
        if before.get(name) and versions.get(name) and before[name] != versions[name]
    ]
    if not changed:
        return Finding(found=found)
    advice = "`trader verify` shows whether the same decisions come out with what runs here now"
    return Finding(found=f"{found}; in the newest run {', '.join(changed)}", advice=advice)


def of_room(free: int) -> Finding:
    """Judge the free bytes of the disk that a local store is on."""
    found = f"{free / 1e9:.1f} GB are free"
    few = "free some: a run that cannot write does not trade, and decisions, charts and models need room"
    return Finding(found=found, advice=few if free < _LITTLE else "")


def of_telling(storage: ObjectStorage, *, symbol: str, interval: str, journal: Journal, has_dashboard: bool) -> Finding:
    """Look whether the newest run is in the dashboard, and whether the trackers have got what is theirs."""
    newest = journal.newest()
    if newest is None:
        return Finding(found="nothing yet: no run is complete")
    told = read_publication(storage, symbol=symbol, interval=interval)
    if told.newest is None:
        why = "nobody was told of any run"
        return Finding(found=why, advice="the next run does it; if it does not, look at its log")
    found = [f"the newest run that was told of is of {told.newest:%Y-%m-%d %H:%M} UTC"]
    advice = []
    if told.newest < newest:
        found.append(f"the newest run is of {newest:%Y-%m-%d %H:%M} UTC")
        advice.append("the next run brings it up to date; if it does not, look at its log")
    lines, todo = _trackers(told)
    found += lines
    advice += todo
    if has_dashboard:
        is_there = storage.get(f"dashboard/data/{symbol}-{interval}/summary.js") and storage.get("dashboard/index.html")
        found.append("the dashboard is there" if is_there else "the dashboard is not there")
        advice += [] if is_there else ["the next run writes it; `trader dashboard --rebuild` does so now"]
    return Finding(found="; ".join(found), advice="; ".join(advice))


def _trackers(told: Publication) -> tuple[list[str], list[str]]:
    """Return how far each tracker has come, and what to do about those that fail."""
    found, advice = [], []
    for name, cursor in told.trackers.items():
        if cursor.failures:
            found.append(f"{name} has failed in {cursor.failures} runs in a row: {cursor.error}")
            advice.append(f"mend {name}: what it did not get is sent later")
        else:
            found.append(f"{name} has everything")
    return found, advice
