"""Neptune, by the client `neptune` or its fork `minfx`: one run per tracked run. A program of `child`.

A run is found again by its id, or by a custom id that follows from its name. Nothing counts as arrived before the
server has answered.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from trader.adapters.trackers.child import Arrived, Client, serve
from trader.adapters.trackers.neptune_answers import Answers
from trader.adapters.trackers.neptune_folder import is_offline_id, kept_folder, offline_id
from trader.adapters.trackers.neptune_layout import append, batches, describe, own_id, upload
from trader.adapters.trackers.neptune_refusals import first_line, is_called, refusals
from trader.adapters.trackers.neptune_token import allow_plain_http, check_server, server_of, shown
from trader.core.errors import BadConfig, Rejected
from trader.core.tracking import Dispatch, Step

CLIENT, PROJECT, TOKEN, MODE, FOLDER = "client", "project", "api_token", "mode", "folder"
"""The names of the settings: `neptune` or `minfx`; workspace/project and API token (empty: from the environment);
`async` or `offline`; and the folder of the offline runs."""

_LIBRARIES = {"neptune": "neptune", "minfx": "minfx.neptune_v2"}
_OFFLINE = "offline"
_QUIET: Mapping[str, Any] = {
    "source_files": [],
    "capture_stdout": False,
    "capture_stderr": False,
    "capture_hardware_metrics": False,
    "capture_traceback": False,
    "git_ref": False,
    "flush_period": 0.1,  # a call that just misses the sending thread waits so long
}
_ENVIRONMENT = {"NEPTUNE_RETRIES_TIMEOUT": "2", "NEPTUNE_REQUEST_TIMEOUT": "20"}
_FOREIGN_VARIABLES = ("NEPTUNE_CUSTOM_RUN_ID", "NEPTUNE_NOTEBOOK_ID", "NEPTUNE_NOTEBOOK_PATH")
_SCRATCH, _SCRATCH_SECONDS = "trader-neptune-", 3600.0
_GRAMMAR = "rfc3987_syntax"
_STALE = "strictly increasing"


def address(settings: Mapping[str, str]) -> str:
    """Return where the runs are kept, for people. Raises BadConfig for a token that is none."""
    if settings[MODE] == _OFFLINE:
        return settings[FOLDER]
    return shown(server_of(_token(settings)))


def connect(settings: Mapping[str, str]) -> Client:
    """Return a connection. Raises BadConfig, and Retryable when nothing answers at the server's address."""
    for name in _FOREIGN_VARIABLES:
        os.environ.pop(name, None)
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    library = _LIBRARIES[settings[CLIENT]]
    if settings[MODE] == _OFFLINE:
        return OfflineClient(library, folder=Path(settings[FOLDER]))
    project = settings.get(PROJECT) or os.environ.get("NEPTUNE_PROJECT", "")
    if not project:
        raise BadConfig("there is no project; set tracker.neptune_project or NEPTUNE_PROJECT to workspace/project")
    server = server_of(_token(settings))
    check_server(server)
    allow_plain_http(server)
    os.environ["NEPTUNE_DATA_DIRECTORY"] = _scratch()
    return NeptuneClient(library, project=project, token=_token(settings))


class NeptuneClient:
    """A project on a server."""

    def __init__(self, library: str, *, project: str, token: str) -> None:
        with refusals():
            self._neptune, self._file = _imported(library)
        self._project, self._token, self._answers = project, token, Answers(library)
        self._runs: dict[str, tuple[Any, str]] = {}

    def send(self, dispatch: Dispatch, arrived: Arrived) -> None:
        """Send a dispatch; raises what `refusals` says."""
        with refusals():
            run, run_id = self._run(dispatch)
            arrived(run_id, None)
            describe(run, dispatch)
            for batch in batches(dispatch.steps):
                for last in self._deliver(run, batch):
                    arrived(run_id, last)
            upload(run, dispatch.files, file=self._file)
            self._check(self._answers.wait(run))

    def close(self) -> None:
        """Remove what the client kept for its thread; all of it has arrived."""
        shutil.rmtree(os.environ["NEPTUNE_DATA_DIRECTORY"], ignore_errors=True)

    def _run(self, dispatch: Dispatch) -> tuple[Any, str]:
        """Return the run of a dispatch and its id; the server begins one when there is none."""
        custom_id = str(own_id(dispatch))
        if custom_id not in self._runs:
            self._runs[custom_id] = self._known(dispatch) or self._begun(dispatch, custom_id)
        return self._runs[custom_id]

    def _known(self, dispatch: Dispatch) -> tuple[Any, str] | None:
        if not dispatch.run_id or is_offline_id(dispatch.run_id):
            return None
        try:
            return self._init(with_id=dispatch.run_id, name=dispatch.run), dispatch.run_id
        except Exception as error:
            if is_called(error, "MetadataContainerNotFound") and not is_called(error, "ProjectNotFound"):
                return None
            raise

    def _begun(self, dispatch: Dispatch, custom_id: str) -> tuple[Any, str]:
        run = self._init(custom_run_id=custom_id, name=dispatch.run)
        return run, str(run["sys/id"].fetch())

    def _init(self, **which: str) -> Any:
        return self._neptune.init_run(project=self._project, api_token=self._token, mode="async", **which, **_QUIET)

    def _deliver(self, run: Any, batch: Sequence[Step]) -> Iterator[int]:
        """Send steps and yield the number of each after which all has arrived.

        Steps that the server has already make it refuse those that came with them, too; so these go one by one then.
        """
        append(run, batch)
        refused = self._answers.wait(run)
        is_stale = any(_STALE in text for text in refused)
        self._check(refused)
        if is_stale and len(batch) > 1:
            for step in batch:
                yield from self._deliver(run, [step])
        else:
            yield batch[-1].number

    def _check(self, refused: Sequence[str]) -> None:
        for text in refused:
            if _STALE not in text:
                raise Rejected(f"it refused: {first_line(text)}")


class OfflineClient:
    """A folder of offline runs, for `neptune sync --path`."""

    def __init__(self, library: str, *, folder: Path) -> None:
        with refusals():
            folder.mkdir(parents=True, exist_ok=True)
            self._neptune, self._file = _imported(library)
        self._library, self._folder = library, folder

    def send(self, dispatch: Dispatch, arrived: Arrived) -> None:
        """Append a dispatch to its run's folder; raises what `refusals` says."""
        run_id = own_id(dispatch)
        with refusals(), kept_folder(self._folder, library=self._library, run_id=run_id):
            run = self._neptune.init_run(mode=_OFFLINE, name=dispatch.run, **_QUIET)
            describe(run, dispatch)
            for batch in batches(dispatch.steps):
                append(run, batch)
            upload(run, dispatch.files, file=self._file)
            run.stop()
        arrived(offline_id(str(run_id)), dispatch.steps[-1].number if dispatch.steps else None)

    def close(self) -> None:
        """Do nothing: every run has been stopped."""


def _imported(library: str) -> tuple[Any, Any]:
    """Import a client, and its type of files, in less than half of the time.

    It imports a validator of JSON schemas, which compiles a grammar of addresses if there is one: no message has any.
    """
    modules: dict[str, Any] = sys.modules
    modules.setdefault(_GRAMMAR, None)  # an import that fails, as if it were not installed
    return import_module(library), import_module(f"{library}.types").File


def _token(settings: Mapping[str, str]) -> str:
    return settings.get(TOKEN) or os.environ.get("NEPTUNE_API_TOKEN", "")


def _scratch() -> str:
    """Return a new folder for the client's queue, and remove those of processes that were killed."""
    now = time.time()
    for old in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            if now - old.stat().st_mtime > _SCRATCH_SECONDS:
                shutil.rmtree(old)
    return tempfile.mkdtemp(prefix=_SCRATCH)


if __name__ == "__main__":
    serve(connect, where=address)
