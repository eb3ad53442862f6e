"""What is known about a model: the card that is stored beside it and decides whether it may be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from trader.core.decision import DecisionRule
from trader.core.errors import BadConfig
from trader.core.indicators import WARM_UP
from trader.core.klines import interval_ms
from trader.core.strategy import Rules
from trader.ml.recipe import Ensemble, Recipe, Weighting

SCHEMA = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A model's provenance. `first` and `last` are the open times of the oldest and newest kline it has seen.

    The newest label needs the close of `last`, so the model may decide on `last` and later and is in-sample before.
    `feature_low` and `feature_high` are the ranges of the training rows; `model_sha256` is over the UBJSON file, whose
    members have `member_sizes` bytes; `study` names the search that its recipe comes from. Cards of schema 1 have
    none of the fields from `look_back_days` to `study`.
    """

    schema: int = SCHEMA
    model_id: str
    symbol: str
    interval: str
    features: tuple[str, ...]
    params: Mapping[str, float]
    rounds: int
    seed: int
    look_back_days: int = 0
    horizon: int = 1
    weighting: Weighting = Weighting.EQUAL
    max_bin: int = 256
    ensemble: Ensemble = field(default_factory=Ensemble)
    member_sizes: tuple[int, ...] = ()
    decision: DecisionRule | None = None
    study: str = ""
    first: datetime
    last: datetime
    rows: int
    label_rate: float
    feature_low: tuple[float, ...]
    feature_high: tuple[float, ...]
    klines_digest: str
    model_sha256: str
    created_at: datetime
    versions: Mapping[str, str]

    @property
    def recipe(self) -> Recipe:
        """How it was made; a card of schema 1 does not know its look-back, so it is taken from its rows."""
        return Recipe(
            features=self.features,
            look_back_days=self.look_back_days or self._days_seen(),
            rounds=self.rounds,
            params=self.params,
            seed=self.seed,
            horizon=self.horizon,
            weighting=self.weighting,
            max_bin=self.max_bin,
            ensemble=self.ensemble,
            decision=self.decision,
        )

    def rules_under(self, rules: Rules) -> Rules:
        """Return the rules that this model trades by: its own decision rule, if it was searched with one.

        Whether to go short and how a position is sized stay with the settings.
        """
        own, said = self.decision, rules.decision
        if own is None:
            return rules
        decision = replace(
            own,
            allow_short=own.allow_short and said.allow_short,
            sizing=said.sizing,
            target_volatility=said.target_volatility,
        )
        return replace(rules, decision=decision)

    def _days_seen(self) -> int:
        step = timedelta(milliseconds=interval_ms(self.interval))
        return max(1, round((self.last - self.first - (WARM_UP - 1) * step) / timedelta(days=1)))

    def check_fits(self, *, symbol: str, interval: str) -> None:
        """Raise BadConfig when the model is for another symbol or interval."""
        if (self.symbol, self.interval) != (symbol, interval):
            raise BadConfig(
                f"model {self.model_id} is for {self.symbol} {self.interval}, not {symbol} {interval};"
                " choose one of its own"
            )

    def is_in_sample(self, first_decision: datetime) -> bool:
        """Tell whether the model has seen the close that the first decision is about, or a later one."""
        return self.last > first_decision
