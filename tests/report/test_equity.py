"""The equity picture: it can be decoded, shows what differs, and holds with any number of runs."""

from io import BytesIO
from time import process_time

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from trader.report import style
from trader.report.equity import draw_equity

WHAT = {
    "symbol": "BTCUSDT",
    "interval": "1h",
    "notional": 500.0,
    "costs": "fee 10 bp, slippage 0 bp a side",
    "title": "Equity",
}


def ledger(count, *, live_from=None, seed=0) -> pd.DataFrame:
    """A plausible ledger; runs from `live_from` on are live."""
    rng = np.random.default_rng(seed)
    close = 40_000 * np.exp(np.cumsum(rng.normal(0, 0.005, count)))
    exposure = np.sign(np.sin(np.arange(count) / 9))
    earned = np.concatenate([[0.0], exposure[:-1] * np.diff(close) / close[:-1]])[:count]
    live_from = count if live_from is None else live_from
    return pd.DataFrame(
        {
            "open_time": pd.date_range("2024-01-01", periods=count, freq="h", tz="UTC"),
            "origin": ["replay"] * live_from + ["live"] * (count - live_from),
            "outcome": ["decided"] * count,
            "reason": ["long-signal"] * count,
            "p_up": np.full(count, 0.5),
            "close": close,
            "exposure": exposure,
            "paper_gross": np.cumsum(earned),
            "paper_net": np.cumsum(earned - 0.0001),
            "execution_equity": 500 * np.cumsum(earned - 0.0002),
            "halted": np.zeros(count, dtype=bool),
            "model_id": ["m"] * count,
        }
    )


def pixels(png) -> np.ndarray:
    with Image.open(BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def painted(png, color) -> int:
    """How many pixels have exactly this colour."""
    wanted = np.round(255 * np.array(to_rgb(color))).astype(np.uint8)
    return int((pixels(png) == wanted).all(axis=2).sum())


@pytest.mark.parametrize("count", [0, 1, 2, 3, 200])
def test_any_number_of_runs_gives_a_large_picture_that_is_not_blank(count):
    shown = pixels(draw_equity(ledger(count), **WHAT))
    assert shown.shape == (1120, 1200, 3)
    assert 0.005 < (shown < 128).any(axis=2).mean() < 0.5


def test_the_same_ledger_gives_the_same_bytes():
    assert draw_equity(ledger(50), **WHAT) == draw_equity(ledger(50), **WHAT)


@pytest.mark.parametrize("column", ["paper_net", "paper_gross", "execution_equity", "close", "exposure"])
def test_every_curve_is_in_the_picture(column):
    changed = ledger(50)
    changed.loc[25:, column] = changed.loc[25:, column] * 0.5 + 0.01
    assert draw_equity(changed, **WHAT) != draw_equity(ledger(50), **WHAT)


def test_all_four_curves_have_their_colour():
    png = draw_equity(ledger(200), **WHAT)
    for color in (style.BLUE, style.VERMILION, style.GREY):
        assert painted(png, color) > 300, color


def test_the_dashed_line_stands_where_live_begins():
    black = [0, 0, 0]
    columns = {}
    for live_from in (60, 140):
        shown = pixels(draw_equity(ledger(200, live_from=live_from), **WHAT))
        columns[live_from] = int(np.argmax((shown[600:1000] == black).all(axis=2).sum(axis=0)))
    left, right = 208, 1178  # the axes' edges in pixels
    for live_from, column in columns.items():
        share = (column - left) / (right - left)
        assert share == pytest.approx(live_from / 200, abs=0.02)


def test_a_ledger_of_one_origin_has_no_such_line():
    shown = pixels(draw_equity(ledger(200), **WHAT))
    assert (shown[600:1000] == [0, 0, 0]).all(axis=2).sum(axis=0).max() == 0


def test_halted_hours_are_shaded_in_proportion():
    shade = "#f3e3b3"
    few, many = ledger(200), ledger(200)
    few.loc[100:119, "halted"] = True
    many.loc[100:179, "halted"] = True
    assert painted(draw_equity(ledger(200), **WHAT), shade) == 0
    some = painted(draw_equity(few, **WHAT), shade)
    assert 3 * some < painted(draw_equity(many, **WHAT), shade) < 5 * some


def test_new_models_and_missed_runs_are_marked():
    marked = ledger(200)
    marked.loc[120:, "model_id"] = "n"
    marked.loc[[30, 31], "outcome"] = "missed"
    png, plain = draw_equity(marked, **WHAT), draw_equity(ledger(200), **WHAT)
    for color in (style.GREEN, style.PURPLE):
        assert painted(plain, color) == 0
        assert painted(png, color) > 50, color


def test_hundreds_of_marks_become_ticks_and_not_a_bar():
    crowded = ledger(600)
    crowded["outcome"] = ["missed", "decided"] * 300
    crowded["model_id"] = [f"m{run // 10}" for run in range(600)]
    png = draw_equity(crowded, **WHAT)
    assert 50 < painted(png, style.GREEN) < 6000


def test_a_bot_without_an_execution_book_still_has_its_paper_book():
    frame = ledger(100)
    frame["execution_equity"] = np.nan
    png = draw_equity(frame, **WHAT)
    assert painted(png, style.BLUE) > 300
    assert painted(png, style.VERMILION) < painted(draw_equity(ledger(100), **WHAT), style.VERMILION) / 2


@pytest.mark.parametrize("title", ["", "$x$ & <b>", "a very long title " * 20])
def test_any_title_can_be_drawn(title):
    assert pixels(draw_equity(ledger(5), **{**WHAT, "title": title})).shape == (1120, 1200, 3)


def test_a_picture_of_four_years_takes_under_two_seconds_of_processor():
    frame = ledger(35_064)
    began = process_time()
    draw_equity(frame, **WHAT)
    assert process_time() - began < 2
