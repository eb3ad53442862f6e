"""MLflow: one MLflow run per tracked run, found again by its id or by the tag `trader.run`. A program of `child`.

Everything may be sent twice: MLflow keeps a metric once for each step, time and value, and what is there of parameters
and tags is not sent again.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from trader.adapters.trackers.child import Arrived, serve
from trader.adapters.trackers.mlflow_address import check_uri, shown, sqlite_file
from trader.core.errors import BadConfig
from trader.core.tracking import Dispatch, Step

URI, ARTIFACTS, SECONDS = "uri", "artifacts", "seconds"
"""The names of the settings: the tracking URI; the folder for files beside a database of our own, which is made with it
(none: beside a database that is a file, else what MLflow thinks right); and how long the parent waits at most."""

_USUAL_SECONDS = "8"
_RUN_TAG = "trader.run"
_MOST_METRICS = 1000
_LONGEST_VALUE = 5000
_SHARE_OF_TIME = 0.4


def address(settings: Mapping[str, str]) -> str:
    """Return where the runs are kept, for people."""
    return shown(settings[URI])


def connect(settings: Mapping[str, str]) -> "MlflowClient":
    """Return a connection. Raises BadConfig for a URI that cannot be one; a server is not asked yet."""
    uri, artifacts = settings[URI], settings.get(ARTIFACTS)
    database = sqlite_file(uri)
    if artifacts and database:
        database.parent.mkdir(parents=True, exist_ok=True)
    check_uri(uri)
    # One try: the next run is the next try, and MLflow's own seven would outlast every deadline.
    seconds = max(1, round(float(settings.get(SECONDS, _USUAL_SECONDS)) * _SHARE_OF_TIME))
    for name, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(seconds),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": str(seconds),
    }.items():
        os.environ.setdefault(name, value)
    if database and not artifacts:
        artifacts = str(database.with_name(f"{database.stem}-artifacts"))
    return MlflowClient(uri, database=database, artifacts=Path(artifacts).absolute() if artifacts else None)


class MlflowClient:
    """A tracking server or database."""

    def __init__(self, uri: str, *, database: Path | None, artifacts: Path | None) -> None:
        from trader.adapters.trackers.mlflow_refusals import refusals  # noqa: PLC0415 - a second, for the child alone

        self._refusals = refusals
        with refusals():
            import mlflow.tracking  # noqa: PLC0415

            if database:
                _make(database)
            self._client = mlflow.tracking.MlflowClient(uri)
        self._artifacts = artifacts
        self._experiments: dict[str, str] = {}

    def send(self, dispatch: Dispatch, arrived: Arrived) -> None:
        """Send a dispatch; raises what `refusals` says."""
        with self._refusals():
            run = self._run(dispatch)
            run_id = str(run.info.run_id)
            arrived(run_id, None)
            self._describe(run, dispatch)
            for batch in _batches(dispatch.steps):
                self._client.log_batch(run_id, metrics=_metrics(batch))
                arrived(run_id, batch[-1].number)
            self._keep(run_id, dispatch.files)
            if dispatch.steps:
                self._client.set_terminated(run_id, "FINISHED", end_time=_milliseconds(dispatch.steps[-1]))

    def close(self) -> None:
        """Do nothing: every call has waited for its answer."""

    def _run(self, dispatch: Dispatch) -> Any:
        """Return the run of a dispatch; begin one when there is none, or when somebody has deleted it."""
        experiment = self._experiment(dispatch.experiment)
        if dispatch.run_id:
            found = self._known(dispatch.run_id)
            if found and found.data.tags.get(_RUN_TAG) == dispatch.run and found.info.experiment_id == experiment:
                return found
        if "'" in dispatch.run:
            raise BadConfig(f"{dispatch.run!r} cannot be the name of a run: it has a ' in it")
        runs = self._client.search_runs([experiment], f"tags.`{_RUN_TAG}` = '{dispatch.run}'", max_results=1)
        if runs:
            return runs[0]
        began = _milliseconds(dispatch.steps[0]) if dispatch.steps else None
        tags = {_RUN_TAG: dispatch.run}
        return self._client.create_run(experiment, start_time=began, tags=tags, run_name=dispatch.run)

    def _known(self, run_id: str) -> Any:
        from mlflow.exceptions import MlflowException  # noqa: PLC0415

        try:
            run = self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        return run if run.info.lifecycle_stage == "active" else None

    def _experiment(self, name: str) -> str:
        """Return the id of an experiment; make it when there is none. Raises BadConfig for a deleted one."""
        if name not in self._experiments:
            found = self._client.get_experiment_by_name(name) or self._new_experiment(name)
            if found.lifecycle_stage != "active":
                raise BadConfig(
                    f"experiment {name!r} was deleted; bring it back with `mlflow experiments restore"
                    f" --experiment-id {found.experiment_id}`, or choose another tracker.experiment"
                )
            self._experiments[name] = str(found.experiment_id)
        return self._experiments[name]

    def _new_experiment(self, name: str) -> Any:
        from mlflow.exceptions import MlflowException  # noqa: PLC0415

        place = self._artifacts.as_uri() if self._artifacts else None
        try:
            self._client.create_experiment(name, artifact_location=place)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was faster
                raise
        return self._client.get_experiment_by_name(name)

    def _describe(self, run: Any, dispatch: Dispatch) -> None:
        """Send the parameters that are not there yet, since none may change, and the tags that differ."""
        from mlflow.entities import Param, RunTag  # noqa: PLC0415

        there, tags = run.data.params, run.data.tags
        params = [Param(key, _bounded(value)) for key, value in dispatch.params.items() if key not in there]
        changed = [RunTag(key, _bounded(value)) for key, value in dispatch.tags.items() if tags.get(key) != value]
        if params or changed:
            self._client.log_batch(run.info.run_id, params=params, tags=changed)

    def _keep(self, run_id: str, files: Mapping[str, str]) -> None:
        """Upload files; MLflow calls a file what it is called here, so others are copied to their names."""
        for name, path in files.items():
            kept = PurePosixPath(name)
            folder = None if kept.parent == PurePosixPath() else str(kept.parent)
            if Path(path).name == kept.name:
                self._client.log_artifact(run_id, path, folder)
                continue
            with TemporaryDirectory() as scratch:
                self._client.log_artifact(run_id, shutil.copyfile(path, Path(scratch) / kept.name), folder)


def _make(database: Path) -> None:
    from trader.adapters.trackers.mlflow_database import make_database  # noqa: PLC0415

    make_database(database)


def _batches(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """Cut steps so that a batch is one request, and its last step is whole when it has arrived."""
    begin = size = 0
    for end, step in enumerate(steps):
        if size and size + len(step.metrics) > _MOST_METRICS:
            yield steps[begin:end]
            begin, size = end, 0
        size += len(step.metrics)
    if steps:
        yield steps[begin:]


def _metrics(steps: Sequence[Step]) -> list[Any]:
    from mlflow.entities import Metric  # noqa: PLC0415

    return [
        Metric(name, value, _milliseconds(step), step.number) for step in steps for name, value in step.metrics.items()
    ]


def _milliseconds(step: Step) -> int:
    return round(step.at.timestamp() * 1000)


def _bounded(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"


if __name__ == "__main__":
    serve(connect, where=address)
