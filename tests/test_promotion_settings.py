"""The section [promotion] becomes the gate and the checks that it describes."""

import pytest

from trader.config import load_settings
from trader.core.errors import BadConfig
from trader.ml.promotion import CheckLimits, GateRules, PromotionPolicy

OTHERS = {
    "policy": PromotionPolicy.MANUAL,
    "hold_out_days": 60,
    "confidence": 0.9,
    "margin": 0.05,
    "min_round_trips": 7,
    "min_exposure": 0.03,
    "draws": 500,
    "block": 48,
    "max_one_sided": 0.8,
    "min_distinct": 20,
    "max_tick_flips": 0.01,
    "max_tick_shift": 0.02,
}


def test_every_setting_reaches_what_it_is_about(monkeypatch):
    for key, value in OTHERS.items():
        monkeypatch.setenv(f"TRADER__PROMOTION__{key.upper()}", str(value))
    found = load_settings().promotion
    assert found.model_dump() == OTHERS
    assert found.gate() == GateRules(
        confidence=0.9, margin=0.05, min_round_trips=7, min_exposure=0.03, draws=500, block=48.0
    )
    assert found.checks() == CheckLimits(max_one_sided=0.8, min_distinct=20, max_tick_flips=0.01, max_tick_shift=0.02)


def test_a_block_of_zero_lets_the_returns_choose():
    assert load_settings().promotion.gate().block is None


@pytest.mark.parametrize(
    ("key", "value"),
    [("confidence", "1"), ("confidence", "0.5"), ("margin", "-0.1"), ("hold_out_days", "0"), ("max_one_sided", "0.4")],
)
def test_what_could_never_be_passed_or_failed_is_refused(monkeypatch, key, value):
    monkeypatch.setenv(f"TRADER__PROMOTION__{key.upper()}", value)
    with pytest.raises(BadConfig, match=f"promotion.{key}"):
        load_settings()
