"""Where a bot's runs are told, from the settings: trackers, notifier, dashboard.

Nothing in here raises for a setting that is wrong: a run must not fail for what is told of it. What cannot be used is
in `Outlets.broken`, which every publication, `trader status` and `trader doctor` show.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trader.config import Settings
from trader.config.watching import NeptuneMode, TrackerKind
from trader.core.errors import BadConfig
from trader.jobs.outlets import DriftRules, NoticeRules, Outlets
from trader.ports import Notifier, Tracker

TRACKING_FOLDER = "tracking"
"""Beside the objects of a local store: what a tracker without a server keeps."""


def build_outlets(settings: Settings) -> Outlets:
    """Return where the runs of these settings are told."""
    trackers: list[Tracker] = []
    broken: dict[str, str] = {}
    for kind in tracker_kinds(settings):
        try:
            trackers.append(_TRACKERS[kind](settings))
        except BadConfig as error:
            broken[f"tracker {kind}"] = str(error)
    drift, charts = settings.drift, settings.tracker.charts_hours
    return Outlets(
        trackers=tuple(trackers),
        notifier=_notifier(settings),
        broken=broken,
        experiment=settings.tracker.experiment,
        seconds=settings.tracker.timeout_seconds,
        notice_seconds=settings.notify.timeout_seconds,
        charts_every=timedelta(hours=charts) if charts else None,
        assets=_assets if settings.dashboard.enabled else None,
        notices=NoticeRules(
            level=settings.notify.level,
            daily=settings.notify.daily,
            success=settings.notify.success,
            repeat=timedelta(minutes=settings.notify.repeat_minutes),
        ),
        drift=DriftRules(
            window_days=drift.window_days,
            false_alarms_per_year=drift.false_alarms_per_year,
            retrain=drift.retrain,
            verified=drift.verify_hours,
        )
        if drift.enabled
        else None,
        limits={
            "threshold": settings.retrain.threshold,
            "window": settings.retrain.window,
            "cooldown_hours": settings.retrain.cooldown_hours,
            "max_loss": settings.risk.max_loss,
            "max_lateness_minutes": settings.risk.max_lateness_minutes,
        },
        costs=str(settings.rules().costs),
    )


def tracker_kinds(settings: Settings) -> tuple[TrackerKind, ...]:
    """Return the trackers that are asked for; without a word, MLflow where it can keep its file beside the store."""
    asked = settings.tracker.kinds
    if not asked:
        has_place = settings.tracker.mlflow_uri.get_secret_value() or local_folder(settings) is not None
        return (TrackerKind.MLFLOW,) if has_place else ()
    return tuple(kind for kind in asked if kind is not TrackerKind.NONE)


def local_folder(settings: Settings) -> Path | None:
    """Return the folder of a local store, None for one elsewhere."""
    parts = urlsplit(settings.storage_url)
    if parts.scheme not in ("", "file"):
        return None
    path = unquote(parts.path) if parts.scheme else settings.storage_url
    return Path(path).expanduser().absolute()


def _mlflow(settings: Settings) -> Tracker:
    from trader.adapters.trackers.process import ProcessTracker  # noqa: PLC0415 - only who tracks pays for it

    uri, folder = settings.tracker.mlflow_uri.get_secret_value(), local_folder(settings)
    if folder is None and (not uri or uri.startswith("sqlite:")):
        raise BadConfig(
            "tracker.mlflow_uri is a local file, but the store is not: it would die with the container. Set it to a"
            " tracking server (http://host:5000), or tracker.kinds to none"
        )
    kind, seconds = TrackerKind.MLFLOW.value, str(settings.tracker.timeout_seconds)
    if uri:
        return ProcessTracker(name=kind, module="mlflow", settings={"uri": uri, "seconds": seconds})
    where = (folder or Path()) / TRACKING_FOLDER
    local = {
        "uri": f"sqlite:///{where / 'mlflow.db'}",
        "artifacts": str(where / "mlflow-artifacts"),
        "seconds": seconds,
    }
    return ProcessTracker(name=TrackerKind.MLFLOW.value, module="mlflow", settings=local)


def _neptune(settings: Settings) -> Tracker:
    from trader.adapters.trackers.process import ProcessTracker  # noqa: PLC0415

    tracker, folder = settings.tracker, local_folder(settings)
    if tracker.neptune_mode is NeptuneMode.OFFLINE and folder is None:
        raise BadConfig(
            "tracker.neptune_mode offline keeps a folder, but the store is not a local one: it would die with the"
            " container. Use async"
        )
    return ProcessTracker(
        name=TrackerKind.NEPTUNE.value,
        module="neptune",
        settings={
            "client": tracker.neptune_client.value,
            "project": tracker.neptune_project,
            "api_token": tracker.neptune_api_token.get_secret_value(),
            "mode": tracker.neptune_mode.value,
            "folder": "" if folder is None else str(folder / TRACKING_FOLDER / "neptune"),
        },
    )


_TRACKERS: dict[TrackerKind, Callable[[Settings], Tracker]] = {
    TrackerKind.MLFLOW: _mlflow,
    TrackerKind.NEPTUNE: _neptune,
}


def _notifier(settings: Settings) -> Notifier | None:
    urls = [url.get_secret_value() for url in settings.notify.urls]
    if not urls:
        return None
    from trader.adapters.notices.process import AppriseNotifier  # noqa: PLC0415

    return AppriseNotifier(urls, bot_id=settings.bot.id)


def _assets() -> dict[str, bytes]:
    from trader.report.dashboard.site import assets  # noqa: PLC0415 - megabytes, for who writes them

    return dict(assets())
