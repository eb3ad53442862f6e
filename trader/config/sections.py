"""The sections of trader.toml: every setting with its default, what it may be, and what it means."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import (
    NoDecode,
)

from trader.core.decision import Exit, Sizing
from trader.core.klines import INTERVALS


class Mode(StrEnum):
    """Where klines come from and where orders go."""

    DEMO = "demo"
    DRY_RUN = "dry-run"
    TESTNET = "testnet"


def one_of(allowed: Mapping[str, object]) -> AfterValidator:
    """Return what refuses every value that is not a key of `allowed`, naming them."""

    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"use one of {', '.join(allowed)}")
        return value

    return AfterValidator(check)


def _symbol(value: str) -> str:
    if not re.fullmatch(r"[A-Z0-9]{2,20}", value):
        raise ValueError("a symbol is 2 to 20 capital letters and digits, such as BTCUSDT")
    return value


def split_list(value: object) -> object:
    """Return the parts of a comma separated text, and anything else as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _unset(value: object) -> object:
    return None if value == "" else value


def _distinct(symbols: list[str]) -> list[str]:
    if len(set(symbols)) < len(symbols):
        raise ValueError("a symbol is named twice")
    return symbols


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without its zone; write it as UTC, for example 2026-01-01T00:00:00Z")
    return moment.astimezone(UTC)


Symbol = Annotated[str, AfterValidator(_symbol)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
Natural = Annotated[int, Field(ge=0)]
Amount = Annotated[Decimal, Field(gt=0)]


class Section(BaseModel):
    """One table of trader.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BotSection(Section):
    """Who trades what."""

    id: str = Field(
        default="bot", pattern=r"^[A-Za-z0-9_-]{1,32}$", description="name of this bot; a store belongs to one bot"
    )
    mode: Mode = Field(default=Mode.DEMO, description="`demo`, `dry-run` or `testnet`")
    symbols: Annotated[list[Symbol], NoDecode, BeforeValidator(split_list), AfterValidator(_distinct)] = Field(
        default=[], description="symbols to trade, comma separated; empty: DEMOUSDT in demo mode, else BTCUSDT"
    )
    interval: Annotated[str, one_of(INTERVALS)] = Field(default="1h", description="length of a kline")


class StorageSection(Section):
    """Where everything is kept."""

    url: str = Field(
        default="",
        description="folder (`file:///srv/trader` or a path) or `s3://bucket/prefix`; empty: `trader-data/<mode>`",
    )
    aws_account: Annotated[str, Field(pattern=r"^(\d{12})?$")] = Field(
        default="",
        description="12 digits: refuse an S3 bucket of any other AWS account; empty: whoever's bucket has the name",
    )


class MarketSection(Section):
    """Where klines come from."""

    base_url: str = Field(
        default="https://data-api.binance.vision",
        pattern=r"^https?://",
        description="keyless Binance REST endpoint (dry-run and testnet)",
    )
    archive: str = Field(default="https://data.binance.vision", description="kline archive for `ingest`: URL or folder")
    wait_seconds: int = Field(default=30, ge=0, le=600, description="how long one run waits for a kline that is late")


class ExchangeSection(Section):
    """Where orders go in testnet mode, and with which key. Only test venues are accepted."""

    base_url: str = Field(
        default="https://testnet.binance.vision",
        description="Binance's testnet, its demo venue (https://demo-api.binance.com), or a `trader testnet` here",
    )
    api_key: SecretStr = Field(default=SecretStr(""), description="API key of the test venue")
    api_secret: SecretStr = Field(default=SecretStr(""), description="its secret (HMAC)")
    private_key: Annotated[Path | None, BeforeValidator(_unset)] = Field(
        default=None, description="file of an Ed25519 key (PEM), instead of a secret"
    )
    recv_window_ms: Annotated[int, Field(ge=100, le=60000)] = Field(
        default=5000, description="an order is refused by the venue when it arrives later than this"
    )
    lag_seconds: Annotated[float, Field(ge=0, le=300)] = Field(
        default=10.0, description="how long a venue may not know an order that it has taken"
    )


class DecisionSection(Section):
    """From a probability to a position."""

    band: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        default=0.1, description="half-width around 0.5 without a signal"
    )
    exit: Exit = Field(
        default=Exit.NEUTRAL, description="leave a position: `opposite` signal, `neutral` (0.5), or `band`"
    )
    allow_short: bool = Field(default=True, description="whether to go short (sell from the base allocation)")
    min_volatility: Annotated[Annotated[float, Field(ge=0)] | None, BeforeValidator(_unset)] = Field(
        default=None,
        description="entry filter: volatility of 24 klines; 0 = off; empty: 0.01, but 0 in the calm demo market",
    )
    min_volume_ratio: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="entry filter: volume / average; 0 = off"
    )


class SizingSection(Section):
    """How much a position is worth."""

    notional: Amount = Field(
        default=Decimal(500), description="quote amount of exposure 1, also the paper book's capital"
    )
    method: Sizing = Field(default=Sizing.FIXED, description="`fixed`, or `volatility` (target / current, at most 1)")
    target_volatility: Annotated[float, Field(gt=0)] = Field(
        default=0.005, description="for `volatility` sizing, per interval"
    )


class CostsSection(Section):
    """What the paper book charges for a change of exposure by 1."""

    fee_rate: Fraction = Field(default=0.001, description="fee as a fraction (0.001 = 10 basis points)")
    slippage_rate: Fraction = Field(default=0.0, description="slippage as a fraction")


class RiskSection(Section):
    """Limits, and when a run may not decide."""

    max_loss: Fraction = Field(default=0.20, description="halt at this summed net loss since start or resume; 0 = off")
    max_drawdown: Fraction = Field(default=0.0, description="halt at this drawdown of the summed net return; 0 = off")
    max_lateness_minutes: Positive = Field(
        default=15, description="an hour undecided this long after its close is missed"
    )
    model_max_age_days: Positive = Field(default=365, description="an older model keeps the bot flat")
    range_margin: Annotated[float, Field(ge=0)] = Field(
        default=1.0, description="how far outside its training range (in range widths) a feature may lie"
    )


class SimulatorSection(Section):
    """The simulated exchange of demo and dry-run."""

    commission_rate: Fraction = Field(default=0.001, description="taker commission as a fraction")
    half_spread_rate: Fraction = Field(default=0.0001, description="half the spread as a fraction of the price")
    level_notional: Amount = Field(default=Decimal(20000), description="quote amount on each level of the book")
    levels: Positive = Field(default=10, description="levels of the book")
    start_quote: Amount = Field(default=Decimal(10000), description="quote balance a new account starts with")
    start_base_notional: Amount = Field(
        default=Decimal(10000), description="worth of base it starts with, for each symbol"
    )


class DemoSection(Section):
    """The synthetic market of demo mode."""

    seed: int = Field(default=7, ge=0, description="seed of the synthetic market")
    start: Annotated[datetime, AfterValidator(_aware)] = Field(
        default=datetime(2026, 1, 1, tzinfo=UTC), description="first live hour of a new demo"
    )
    replay_days: int = Field(default=30, ge=0, le=365, description="days replayed before the first live hour")
    trials: Positive = Field(default=12, description="recipes that `trader demo` tries when a training is due")


class RunSection(Section):
    """How a run behaves towards other runs."""

    lease_seconds: Annotated[float, Field(gt=0)] = Field(
        default=30.0, description="an unfinished run is taken over when nothing has been heard of it for this long"
    )
