"""Settings: `trader.toml` in the working directory (or the file named by TRADER_CONFIG), then the environment.

`TRADER__SECTION__KEY` overrides `key` of `[section]`. An unknown section or key is refused, because a misspelt limit is
a limit that does not hold. A setting that is secret is a `SecretStr`, which no log and no repr shows.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError

from trader.config.sections import (
    BotSection,
    CostsSection,
    DecisionSection,
    DemoSection,
    ExchangeSection,
    MarketSection,
    Mode,
    RiskSection,
    RunSection,
    SimulatorSection,
    SizingSection,
    StorageSection,
    Symbol,
)
from trader.config.training import (
    Executor,
    ModelsSection,
    PromotionSection,
    RetrainSection,
    SearchSection,
    TrainSection,
)
from trader.config.watching import (
    ApiSection,
    DashboardSection,
    DriftSection,
    LogSection,
    NotifySection,
    TrackerSection,
)
from trader.core.accounting import Costs
from trader.core.decision import DecisionRule
from trader.core.errors import BadConfig
from trader.core.policy import TriggerPolicy
from trader.core.risk import RiskLimits
from trader.core.strategy import Rules

__all__ = ["CONFIG_FILE", "ENV_PREFIX", "Executor", "Mode", "Settings", "Symbol", "load_settings"]

CONFIG_FILE = "trader.toml"
ENV_PREFIX = "TRADER__"
_MIN_VOLATILITY = 0.01


class Settings(BaseSettings):
    """All settings, validated; what is not set has the default of docs/settings.md."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    bot: BotSection = BotSection()
    storage: StorageSection = StorageSection()
    market: MarketSection = MarketSection()
    exchange: ExchangeSection = ExchangeSection()
    decision: DecisionSection = DecisionSection()
    sizing: SizingSection = SizingSection()
    costs: CostsSection = CostsSection()
    risk: RiskSection = RiskSection()
    retrain: RetrainSection = RetrainSection()
    train: TrainSection = TrainSection()
    search: SearchSection = SearchSection()
    promotion: PromotionSection = PromotionSection()
    models: ModelsSection = ModelsSection()
    tracker: TrackerSection = TrackerSection()
    dashboard: DashboardSection = DashboardSection()
    notify: NotifySection = NotifySection()
    drift: DriftSection = DriftSection()
    log: LogSection = LogSection()
    api: ApiSection = ApiSection()
    simulator: SimulatorSection = SimulatorSection()
    demo: DemoSection = DemoSection()
    run: RunSection = RunSection()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=_config_file())

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols to trade."""
        return tuple(self.bot.symbols) or (("DEMOUSDT",) if self.bot.mode is Mode.DEMO else ("BTCUSDT",))

    @property
    def storage_url(self) -> str:
        """The store's address; each mode has a folder of its own unless one is set."""
        return self.storage.url or f"trader-data/{self.bot.mode}"

    @property
    def min_volatility(self) -> float:
        """The entry filter; the one that was chosen on real klines would keep the demo's market out for ever."""
        if self.decision.min_volatility is not None:
            return self.decision.min_volatility
        return 0.0 if self.bot.mode is Mode.DEMO else _MIN_VOLATILITY

    def rules(self) -> Rules:
        """Return what the strategy is configured with."""
        return Rules(
            decision=DecisionRule(
                band=self.decision.band,
                exit=self.decision.exit,
                allow_short=self.decision.allow_short,
                min_volatility=self.min_volatility,
                min_volume_ratio=self.decision.min_volume_ratio,
                sizing=self.sizing.method,
                target_volatility=self.sizing.target_volatility,
            ),
            costs=Costs(fee_rate=self.costs.fee_rate, slippage_rate=self.costs.slippage_rate),
            risk=RiskLimits(
                max_loss=self.risk.max_loss,
                max_drawdown=self.risk.max_drawdown,
                range_margin=self.risk.range_margin,
                model_max_age=timedelta(days=self.risk.model_max_age_days),
            ),
            trigger=TriggerPolicy(
                window=self.retrain.window,
                threshold=self.retrain.threshold,
                min_runs=min(self.retrain.min_runs, self.retrain.window),
                cooldown=timedelta(hours=self.retrain.cooldown_hours),
                max_model_age=timedelta(days=self.retrain.max_model_age_days),
                max_idle=self.retrain.max_idle,
            ),
        )


def _config_file() -> Path:
    return Path(os.environ.get("TRADER_CONFIG", CONFIG_FILE))


def _check_file(path: Path) -> None:
    """Refuse a settings file that would be passed over in silence."""
    if "TRADER_CONFIG" in os.environ and not path.is_file():
        raise BadConfig(f"TRADER_CONFIG names {path}, which is not a file; correct or unset it")
    if (path.exists() or path.is_symlink()) and not path.is_file():  # a bind mount of a missing file makes a folder
        raise BadConfig(f"{path.absolute()} is not a file, so no settings would be read; replace or remove it")


def load_settings(**overrides: Any) -> Settings:
    """Return the settings of this process. Raises BadConfig that names the setting, what is wrong and what fits."""
    path = _config_file()
    sections = Settings.model_fields
    for name in os.environ:
        section = name[len(ENV_PREFIX) :].split("__")[0].lower()
        if name.upper().startswith(ENV_PREFIX) and section not in sections:
            raise BadConfig(f"environment variable {name}: there is no section {section!r}; use {', '.join(sections)}")
        if name.upper().startswith(tuple(f"TRADER_{section}_".upper() for section in sections)):
            raise BadConfig(f"environment variable {name} is read by nobody; settings begin with {ENV_PREFIX} (two _)")
    try:
        _check_file(path)
        return Settings(**overrides)
    except ValidationError as error:
        raise BadConfig("\n".join(_explain(dict(problem)) for problem in error.errors())) from None
    except SettingsError as error:
        raise BadConfig(f"settings cannot be read: {error}") from error
    except ValueError as error:  # the TOML reader's error is a ValueError with line and column
        raise BadConfig(f"{path} is not valid TOML: {error}") from error
    except OSError as error:
        raise BadConfig(f"{path} cannot be read: {error.strerror}") from error


def _explain(problem: Mapping[str, Any]) -> str:
    """Put one validation error into words, without the value: it may be something that should not be seen."""
    where = [str(part) for part in problem["loc"]]
    name = f"setting {'.'.join(where)} ({ENV_PREFIX}{'__'.join(where[:2]).upper()})"
    if problem["type"] != "extra_forbidden":
        return f"{name}: {problem['msg']}"
    annotation = (
        Settings.model_fields[where[0]].annotation if len(where) > 1 and where[0] in Settings.model_fields else Settings
    )
    known = annotation.model_fields if isinstance(annotation, type) and issubclass(annotation, BaseModel) else {}
    return f"{name} is unknown; use one of {', '.join(known)}"
