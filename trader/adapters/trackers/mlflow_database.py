"""MLflow's database file, made whole or not at all.

MLflow makes it by hundreds of changes, each committed by itself. Whoever is killed in between, as a tracker that is too
slow is, leaves a file that no version of MLflow opens any more.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import Any

from mlflow.tracking import MlflowClient
from sqlalchemy import event
from sqlalchemy.engine import Engine

_LEFT_BEHIND_SECONDS = 3600


def make_database(path: Path) -> None:
    """Make an empty database unless there is one; of several makers the first one wins."""
    if path.exists() and path.stat().st_size:
        return
    prefix = f".{path.name}-"
    _sweep(path.parent, prefix)
    with TemporaryDirectory(prefix=prefix, dir=path.parent, ignore_cleanup_errors=True) as scratch:
        made, whole = Path(scratch) / "made.db", Path(scratch) / "whole.db"
        with _careless():
            MlflowClient(f"sqlite:///{made}").search_experiments(max_results=1)
        # A copy, since locks on a file are lost when this process closes it under any of its names.
        with made.open("rb") as source, whole.open("wb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        _put(whole, path)


def _put(whole: Path, path: Path) -> None:
    try:
        os.link(whole, path)
    except FileExistsError:
        if not path.stat().st_size:
            whole.replace(path)
    except OSError:  # a file system without hard links
        whole.replace(path)


@contextmanager
def _careless() -> Iterator[None]:
    """Do not wait for the disk after each change: until it is whole, the file is worth nothing. Halves the time."""
    event.listen(Engine, "connect", _hurry)
    try:
        yield
    finally:
        event.remove(Engine, "connect", _hurry)


def _hurry(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = MEMORY")


def _sweep(folder: Path, prefix: str) -> None:
    """Remove what makers that were killed have left."""
    for left in folder.glob(f"{prefix}*"):
        with suppress(OSError):
            if left.stat().st_mtime < time() - _LEFT_BEHIND_SECONDS:
                shutil.rmtree(left)
