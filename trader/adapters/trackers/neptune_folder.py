"""The folder of an offline run: one for each tracked run, appended to by one process after the other.

The client itself begins a folder, and so a run on the server, for every process; and `neptune sync` takes the folders
of one run in any order, where a series only takes steps that grow. A process may be killed while it writes; so beside
the folder's files stands how long they were when all was well, and the next process cuts off what came after.
"""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from trader.core.errors import BadConfig

DATA_FOLDER = ".neptune"
"""What `neptune sync --path` looks for."""

_OFFLINE = "offline"
_MARK = "whole.json"
_LAST_PUT = "last_put_version"


def offline_id(run_id: str) -> str:
    """Return what `neptune sync --object` calls an offline run."""
    return f"{_OFFLINE}/{run_id}"


def is_offline_id(run_id: str) -> bool:
    """Tell whether a run has not been on a server."""
    return run_id.startswith(f"{_OFFLINE}/")


@contextmanager
def kept_folder(folder: Path, *, library: str, run_id: uuid.UUID) -> Iterator[None]:
    """Make an offline run that is begun inside go on where an earlier process ended; it is whole again at the end.

    Raises BadConfig when this version of the client does not let its folder be chosen.
    """
    place = folder / DATA_FOLDER / _OFFLINE / f"run__{run_id}__0__trader"
    _restore(place)
    module: Any = import_module(f"{library}.internal.operation_processors.offline_operation_processor")
    usual = module.get_container_full_path
    module.get_container_full_path = lambda *_args, **_kwargs: place
    try:
        yield
    finally:
        module.get_container_full_path = usual
    if not (place / _LAST_PUT).is_file():
        raise BadConfig(f"{library} of this version keeps offline runs elsewhere; use tracker.neptune_mode = async")
    _mark(place)


def _mark(place: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in _logs(place)}
    for path in _logs(place):
        with path.open("rb") as log:
            os.fsync(log.fileno())
    mark = {"sizes": sizes, _LAST_PUT: (place / _LAST_PUT).read_text()}
    fresh = place / f"{_MARK}.new"
    fresh.write_text(json.dumps(mark))
    fresh.replace(place / _MARK)


def _restore(place: Path) -> None:
    if not place.exists():
        return
    try:
        mark = json.loads((place / _MARK).read_text())
    except FileNotFoundError:  # its first process was killed: nothing of it has been reported
        shutil.rmtree(place)
        return
    for path in _logs(place):
        if path.name in mark["sizes"]:
            os.truncate(path, mark["sizes"][path.name])
        else:
            path.unlink()
    (place / _LAST_PUT).write_text(mark[_LAST_PUT])


def _logs(place: Path) -> list[Path]:
    return sorted(place.glob("data-*.log"))
