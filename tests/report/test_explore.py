"""The exploratory page: self-contained, escaped, honest about what it cannot compute, and right on real klines."""

import base64
import re
from io import BytesIO
from time import process_time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.builders import klines_of, random_klines, without
from trader.core.accounting import Costs
from trader.core.errors import BadConfig
from trader.core.indicators import feature_names
from trader.core.klines import checked, empty, fill_gaps
from trader.report.explore import explore_page
from trader.report.explore_labels import feature_section

WHAT = {
    "symbol": "BTCUSDT",
    "interval": "1h",
    "preset": "ten",
    "costs": Costs(fee_rate=0.001, slippage_rate=0.0),
}
SECTIONS = (
    "Coverage",
    "Price and volatility",
    "Returns",
    "Memory",
    "Time of day and week",
    "The label and the costs",
    "Features and the next hour",
)


def pictures(html) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    shown = []
    for data in found:
        with Image.open(BytesIO(base64.b64decode(data, validate=True))) as image:
            shown.append(np.asarray(image.convert("L")))
    return shown


def words(html) -> str:
    """The page as a person reads it."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)))


@pytest.fixture(scope="module")
def quarter():
    """The page of a quarter of a random walk with two gaps."""
    return explore_page(fill_gaps(without(random_klines(2200, seed=1), 50, 51, 52, 900)), **WHAT)


def test_the_page_has_every_section_and_every_picture(quarter):
    assert [title for title in SECTIONS if f">{title}</h2>" in quarter] == list(SECTIONS)
    shown = pictures(quarter)
    assert len(shown) == 12 + len(feature_names("ten"))
    for picture in shown:
        assert picture.shape[1] == 1200
        assert 0.005 < (picture < 200).mean() < 0.5


def test_nothing_is_loaded_from_outside(quarter):
    without_data = re.sub(r"base64,[A-Za-z0-9+/=]+", "base64,", quarter)
    assert not re.search(r"https?:|//|@import|url\(|<script|<link|<iframe", without_data)
    sources = re.findall(r'(?:src|srcset|href)="([^"]{0,30})', quarter)
    assert sources
    assert all(source.startswith(("data:image/png;base64,", "#s")) for source in sources)


def test_every_picture_says_how_to_read_it(quarter):
    captions = re.findall(r"<figcaption>([^<]+)</figcaption>", quarter)
    assert len(captions) == len(pictures(quarter))
    assert all(30 < len(caption) < 260 and caption.endswith(".") for caption in captions)
    assert all(len(alt) > 10 for alt in re.findall(r'alt="([^"]*)"', quarter))


def test_the_coverage_is_counted(quarter):
    read = words(quarter)
    assert "Klines on the grid 2,200" in read
    assert "Published by the exchange 2,196 (99.818 %)" in read
    assert "Filled (missing) 4 in 2 gaps" in read
    assert "2024-01-03 02:00 3" in read
    assert "2024-02-07 12:00 1" in read


def test_every_feature_has_its_row_and_its_picture(quarter):
    for name in feature_names("ten"):
        assert f'<th scope="row">{name}</th>' in quarter
        assert f'alt="{name}: share rising in the next hour, by tenth"' in quarter


def test_another_preset_shows_its_own_features():
    html = feature_section(random_klines(322), preset="nine")  # 21 to warm up and the last leave 300 rows
    assert len(pictures(html)) == 9
    assert '<th scope="row">ma_20</th>' in html
    assert '<th scope="row">ma_15</th>' not in html


def test_a_symbol_is_text_and_nothing_else():
    html = explore_page(random_klines(100), **{**WHAT, "symbol": '<b onclick="x">&$\\frac$'})
    assert "<b onclick" not in html
    assert "&lt;b onclick=&quot;x&quot;&gt;&amp;$\\frac$ 1h" in html


@pytest.mark.parametrize("count", [1, 2, 52, 100, 321])
def test_a_short_history_says_what_is_missing_instead_of_failing(count):
    html = explore_page(random_klines(count), **WHAT)
    assert [title for title in SECTIONS if f">{title}</h2>" in html] == list(SECTIONS)
    reasons = re.findall(r'class="missing">([^<]+)<', html)
    assert any("Rolling volatility" in reason for reason in reasons)
    assert any("Distribution" in reason for reason in reasons) == (count < 51)
    assert any("Features" in reason for reason in reasons)
    assert all("at least" in reason for reason in reasons)


def test_no_klines_at_all_give_a_page_that_says_so():
    html = explore_page(empty("1h"), **WHAT)
    assert "There are no klines yet." in html
    assert pictures(html) == []


def test_a_price_that_never_moves_has_no_distribution_and_no_features():
    read = words(explore_page(klines_of([100.0] * 330), **WHAT))
    assert "Every return is the same" in read
    assert "Every labelled kline went the same way" in read


@pytest.mark.slow
def test_holes_that_were_not_filled_are_filled_first():
    holed = without(random_klines(150), 100, 101)
    assert explore_page(holed, **WHAT) == explore_page(fill_gaps(holed), **WHAT)


@pytest.mark.slow
@pytest.mark.parametrize("interval", ["15m", "4h", "1d"])
def test_other_intervals_are_not_called_hours(interval):
    html = explore_page(random_klines(200, interval=interval), **{**WHAT, "interval": interval})
    assert f"Features and the next {interval} kline" in html
    assert f"How large is one {interval} kline?" in html
    assert ("Hour of day" in html) == (interval == "4h")


def test_klines_of_another_interval_are_refused():
    with pytest.raises(BadConfig, match="4h"):
        explore_page(random_klines(100, interval="4h"), **WHAT)


def test_an_unknown_preset_is_refused():
    with pytest.raises(BadConfig, match="preset"):
        explore_page(random_klines(100), **{**WHAT, "preset": "all"})


@pytest.mark.slow
@pytest.mark.real_data
def test_seven_years_of_bitcoin(real_data):
    frame = pd.read_parquet(real_data / "BTCUSDT-1h.parquet")
    klines = fill_gaps(checked(interval="1h", **{name: frame[name].to_numpy() for name in frame.columns}))
    began = process_time()
    html = explore_page(klines, **WHAT)
    assert process_time() - began < 6
    read = words(html)
    assert "Filled (missing) 128 in " in read
    assert "Published with zero volume 4" in read
    assert "2018-02-08 01:00 33" in read
    assert "not computed" not in read
    assert len(pictures(html)) == 22
    # the closes revert a little: an hour after a close below its average rises more often, in every year
    assert re.search(r"ma_5 0\.55\d \+0\.05\d+ (\d) of \1", read)


@pytest.mark.slow
def test_the_costs_of_the_settings_are_the_ones_the_page_speaks_of():
    cheap = {**WHAT, "costs": Costs(fee_rate=0.0002, slippage_rate=0.00005)}
    read = words(explore_page(random_klines(2200, seed=1), **cheap))
    assert "costs 2 x 2.5 bp" in read
    assert "Beyond 5 bp" in read
