"""The sections of trader.toml about what its owner sees: trackers, dashboard, notices, drift, logs, the API."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from trader.config.sections import Positive, Section, split_list
from trader.core.notices import Level


class TrackerKind(StrEnum):
    """Where figures and charts are sent."""

    MLFLOW = "mlflow"
    NEPTUNE = "neptune"
    NONE = "none"


class NeptuneClient(StrEnum):
    """Which of two clients with the same calls."""

    NEPTUNE = "neptune"
    MINFX = "minfx"


class NeptuneMode(StrEnum):
    """Send to the server, or keep a folder for `neptune sync`."""

    ASYNC = "async"
    OFFLINE = "offline"


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


def _alone(kinds: list[TrackerKind]) -> list[TrackerKind]:
    if TrackerKind.NONE in kinds and len(kinds) > 1:
        raise ValueError("`none` stands alone")
    if len(set(kinds)) < len(kinds):
        raise ValueError("a tracker is named twice")
    return kinds


Kinds = Annotated[list[TrackerKind], NoDecode, BeforeValidator(split_list), AfterValidator(_alone)]
Urls = Annotated[list[SecretStr], NoDecode, BeforeValidator(split_list)]
Seconds = Annotated[float, Field(gt=0, le=60)]


class TrackerSection(Section):
    """Experiment trackers. What they did not get is sent by later runs; they can neither fail nor delay an order."""

    kinds: Kinds = Field(
        default=[],
        description="`mlflow`, `neptune`, both, or `none`; empty: `mlflow` in a local store, else `none`",
    )
    experiment: str = Field(
        default="hourly-trader", min_length=1, max_length=100, description="name of the experiment (MLflow)"
    )
    mlflow_uri: SecretStr = Field(
        default=SecretStr(""),
        description="tracking URI (`http://host:5000`, `sqlite:///file.db`); empty: `mlflow.db` in a local store",
    )
    neptune_client: NeptuneClient = Field(default=NeptuneClient.NEPTUNE, description="`neptune` or `minfx`")
    neptune_project: str = Field(default="", description="workspace/project; empty: NEPTUNE_PROJECT")
    neptune_api_token: SecretStr = Field(default=SecretStr(""), description="API token; empty: NEPTUNE_API_TOKEN")
    neptune_mode: NeptuneMode = Field(
        default=NeptuneMode.ASYNC, description="`async`, or `offline`: a folder in a local store for `neptune sync`"
    )
    timeout_seconds: Seconds = Field(default=8.0, description="what a tracker has not taken by then, a later run sends")
    charts_hours: Annotated[int, Field(ge=0, le=8760)] = Field(
        default=24, description="charts and tables are sent when the last ones are this old; 0 = never"
    )


class DashboardSection(Section):
    """The static dashboard in the store."""

    enabled: bool = Field(default=True, description="whether every run updates `dashboard/` in the store")


class NotifySection(Section):
    """Notices to people, through any service that Apprise knows."""

    urls: Urls = Field(default=[], description="Apprise URLs, comma separated (they hold secrets); empty: no notices")
    level: Level = Field(default=Level.INFO, description="what is sent at least: info, success, warning, error")
    daily: bool = Field(default=True, description="whether a daily summary is sent, whatever the level")
    success: bool = Field(default=False, description="whether every completed run is told, whatever the level")
    repeat_minutes: Positive = Field(default=360, description="the same notice is not repeated sooner")
    timeout_seconds: Seconds = Field(default=5.0, description="how long a service may take")


class DriftSection(Section):
    """Whether features, predictions and outcomes still look as in training; looked at once a day."""

    enabled: bool = Field(default=True, description="whether the first run of a UTC day looks for drift")
    window_days: Annotated[int, Field(ge=7, le=180)] = Field(default=30, description="days of served rows looked at")
    false_alarms_per_year: Annotated[float, Field(gt=0, le=12)] = Field(
        default=0.5, description="how many alarms a year a market without drift may give; sets the thresholds"
    )
    retrain: bool = Field(default=False, description="whether an alarm makes a training due")
    verify_hours: Annotated[int, Field(ge=0, le=168)] = Field(
        default=24,
        description="the daily look makes so many of the newest decisions again (train/serve skew); 0 = off",
    )


class LogSection(Section):
    """What goes to standard error besides errors."""

    format: LogFormat = Field(
        default=LogFormat.AUTO, description="`text`, `json`, or `auto`: text on a terminal, json elsewhere"
    )
    level: str = Field(default="warning", pattern="^(debug|info|warning|error)$", description="the least urgent line")


class ApiSection(Section):
    """The prediction service, `trader api`."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8000, description="port; 0 = any free one")
    token: SecretStr = Field(default=SecretStr(""), description="bearer token; needed on any address but loopback")
    refresh_seconds: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=10.0, description="how old what was read from the store may be: champion, klines, state"
    )
