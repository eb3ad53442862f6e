"""A trained model and its card: made from data and recipe alone, and honest about what it has seen."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import HOUR, START, random_klines
from trader.core.errors import BadConfig, BadData
from trader.core.klines import digest, fill_gaps
from trader.ml.dataset import build_dataset
from trader.ml.recipe import Recipe
from trader.ml.training import train_model

KLINES = random_klines(1500, seed=11)
RECIPE = Recipe(features=("ma_5", "rsi_14"), look_back_days=10, rounds=5, params={"max_depth": 2, "gamma": 0.1}, seed=7)


def trained(klines=KLINES, *, symbol="BTCUSDT", recipe=RECIPE, now=START, versions=None):
    return train_model(klines, symbol=symbol, recipe=recipe, now=now, versions=versions or {"trader": "1"})


def test_the_card_says_what_the_model_was_made_from():
    model = trained(now=START + 9999 * HOUR)
    card, dataset = model.card, build_dataset(KLINES, names=RECIPE.features, rows=240)
    sha256 = hashlib.sha256(model.classifier.to_bytes()).hexdigest()
    assert (card.symbol, card.interval, card.features) == ("BTCUSDT", "1h", ("ma_5", "rsi_14"))
    assert (card.params, card.rounds, card.seed) == ({"max_depth": 2, "gamma": 0.1}, 5, 7)
    assert (card.first, card.last) == (START + 260 * HOUR, START + 1499 * HOUR)
    assert card.klines_digest == digest(KLINES[260:])
    assert (card.rows, card.label_rate) == (240, sum(dataset.labels) / 240)
    for column, low, high in zip(dataset.features.T.tolist(), card.feature_low, card.feature_high, strict=True):
        assert (low, high) == (min(column), max(column))
    assert card.model_sha256 == sha256
    assert card.model_id == f"20240303T1100-{sha256[:10]}"
    assert (card.created_at, card.versions) == (START + 9999 * HOUR, {"trader": "1"})
    assert model.classifier.features == card.features


def test_the_id_does_not_depend_on_when_where_or_for_whom_it_was_trained():
    other = trained(now=START + HOUR, versions={"trader": "2"}, symbol="ETHUSDT")
    older = trained(KLINES[100:])  # klines before the look-back
    assert other.card.model_id == older.card.model_id == trained().card.model_id
    assert other.classifier.to_bytes() == trained().classifier.to_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"features": ("ma_5", "rsi_7")},
        {"features": ("rsi_14", "ma_5")},
        {"look_back_days": 11},
        {"rounds": 6},
        {"params": {"max_depth": 3, "gamma": 0.1}},
        {"seed": 8, "params": {"max_depth": 2, "gamma": 0.1, "subsample": 0.5}},
    ],
)
def test_another_recipe_gives_another_id(change):
    assert trained(recipe=replace(RECIPE, **change)).card.model_id != trained().card.model_id


def test_one_kline_more_or_another_price_gives_another_id():
    volume = KLINES.volume.copy()
    volume[-50] *= 2
    recipe = replace(RECIPE, features=("ma_5", "mfi_14"))
    ids = {trained(klines, recipe=recipe).card.model_id for klines in (KLINES, KLINES[:-1], random_klines(1500))}
    assert len(ids) == 3
    assert trained(replace(KLINES, volume=volume), recipe=recipe).card.model_id not in ids


def test_the_model_has_seen_the_close_of_its_last_kline_and_nothing_later():
    card = trained().card
    assert card.last == KLINES.last
    assert card.is_in_sample(card.last - HOUR)  # that hour's return ends with the last close, which it was fitted to
    assert not card.is_in_sample(card.last)
    assert not card.is_in_sample(card.last + HOUR)
    assert card.is_in_sample(card.last - timedelta(milliseconds=1))


def test_a_card_fits_its_own_symbol_and_interval_only():
    card = trained().card
    card.check_fits(symbol="BTCUSDT", interval="1h")
    for symbol, interval in (("ETHUSDT", "1h"), ("BTCUSDT", "4h")):
        with pytest.raises(BadConfig, match=f"is for BTCUSDT 1h, not {symbol} {interval}; choose one of its own"):
            card.check_fits(symbol=symbol, interval=interval)


@pytest.mark.parametrize(("interval", "rows"), [("15m", 960), ("1h", 240), ("4h", 60), ("1d", 10)])
def test_the_look_back_is_counted_in_klines(interval, rows):
    assert RECIPE.rows(interval) == rows


def test_the_rows_of_filled_klines_are_not_counted():
    holed = fill_gaps(KLINES[[position not in {1400, 1401} for position in range(1500)]])
    assert trained(holed).card.rows == 240 - 3


def test_too_little_history_is_refused():
    with pytest.raises(BadData, match="1100 klines are too few"):
        trained(KLINES[:1100])
