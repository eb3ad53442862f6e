"""What the doctor looks at that only adapters can tell: trackers, services for notices, the disk.

Each check is a function that is called when it is its turn, and that may raise; no check asks for longer than a few
seconds, sends anything, or shows what is secret.
"""

import os
import shutil
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from trader.bootstrap.outlets import TRACKING_FOLDER, build_outlets, local_folder, tracker_kinds
from trader.config import Settings
from trader.config.watching import NeptuneMode, TrackerKind
from trader.core.errors import BadConfig, Retryable
from trader.jobs.checkups import Finding
from trader.jobs.checkups_beside import of_room

_SECONDS = 3.0

Look = Callable[[], Finding]


def build_checks(settings: Settings) -> dict[str, Look]:
    """Return the checks by name, in their order."""
    checks: dict[str, Look] = {}
    folder = local_folder(settings)
    if folder is not None:
        checks["disk"] = partial(_disk, folder)
    for kind in tracker_kinds(settings):
        checks[f"tracker {kind}"] = partial(_tracker, settings, kind)
    checks["notices"] = partial(_notices, settings)
    return checks


def _disk(folder: Path) -> Finding:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return of_room(shutil.disk_usage(there).free)


def _tracker(settings: Settings, kind: TrackerKind) -> Finding:
    why = build_outlets(settings).broken.get(f"tracker {kind}")
    if why is not None:
        raise BadConfig(why)
    try:
        return _mlflow(settings) if kind is TrackerKind.MLFLOW else _neptune(settings)
    except Retryable as error:  # runs do their work without it, and send what is missing later
        found, _, advice = str(error).rpartition("; ")
        return Finding(found=found, advice=f"{advice}; what it does not get is sent later")


def _mlflow(settings: Settings) -> Finding:
    from trader.adapters.reachable import ask_http, connect  # noqa: PLC0415 - only who looks pays for it
    from trader.adapters.trackers.mlflow_address import check_uri, shown, sqlite_file  # noqa: PLC0415

    uri = settings.tracker.mlflow_uri.get_secret_value()
    if not uri:
        file = (local_folder(settings) or Path()) / TRACKING_FOLDER / "mlflow.db"
        return Finding(found=f"{file}{'' if file.exists() else ', made by the first run'}")
    try:
        check_uri(uri)
    except BadConfig as error:
        raise BadConfig(f"tracker.mlflow_uri {shown(uri)}: {error}") from error
    if sqlite_file(uri) is not None:
        return Finding(found=shown(uri))
    if urlsplit(uri).scheme not in ("http", "https"):
        connect(uri, seconds=_SECONDS)
        return Finding(found=f"{shown(uri)} can be connected to")
    status = ask_http(f"{uri.rstrip('/')}/health", seconds=_SECONDS)
    if status < HTTPStatus.BAD_REQUEST:
        return Finding(found=f"{shown(uri)} answers")
    return Finding(
        found=f"{shown(uri)} answers with status {status}", advice="look whether tracker.mlflow_uri is right"
    )


def _neptune(settings: Settings) -> Finding:
    from trader.adapters.trackers.neptune_token import check_server, server_of, shown  # noqa: PLC0415

    tracker = settings.tracker
    if tracker.neptune_mode is NeptuneMode.OFFLINE:
        return Finding(found="offline: a folder beside the store, for `neptune sync`")
    if not (tracker.neptune_project or os.environ.get("NEPTUNE_PROJECT")):
        raise BadConfig("no Neptune project is named; set tracker.neptune_project (workspace/project)")
    server = server_of(tracker.neptune_api_token.get_secret_value() or os.environ.get("NEPTUNE_API_TOKEN", ""))
    check_server(server)
    return Finding(found=f"{shown(server)} can be connected to")


def _notices(settings: Settings) -> Finding:
    urls = [url.get_secret_value() for url in settings.notify.urls]
    if not urls:
        return Finding(found="nobody is told: notify.urls is empty")
    from trader.adapters.notices import check_urls  # noqa: PLC0415 - loads what knows all services

    wrong = check_urls(urls)
    if wrong:
        raise BadConfig("; ".join(wrong))
    return Finding(
        found=f"services: {len(urls)}, from level {settings.notify.level}; `trader notify --test` tries them"
    )
