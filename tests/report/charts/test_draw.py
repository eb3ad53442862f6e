"""Every chart in both renderings, from a bot that has never run to one that has for years."""

import re
from io import BytesIO
from time import process_time

import numpy as np
import pytest
from PIL import Image

from tests.report.charts.samples import importance, summary
from trader.core.errors import BadConfig
from trader.report.charts import CHARTS, draw_html, draw_png
from trader.report.charts.draw import describe


def pixels(png) -> np.ndarray:
    with Image.open(BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("name", CHARTS)
def test_a_picture_is_1200_wide_and_not_blank(name):
    shown = pixels(draw_png(name, summary(60), importance=importance()))
    assert shown.shape[1] == 1200
    assert 0.005 < (shown < 128).any(axis=2).mean() < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", CHARTS)
def test_the_same_summary_gives_the_same_bytes_and_another_one_others(name):
    png = draw_png(name, summary(60), importance=importance())
    assert draw_png(name, summary(60), importance=importance()) == png
    assert draw_png(name, summary(61, seed=1), importance=importance()) != png


@pytest.mark.slow
@pytest.mark.parametrize("points", [0, 1, 2, 3])
@pytest.mark.parametrize("name", CHARTS)
def test_the_first_runs_give_a_picture_and_a_page_too(name, points):
    young = summary(points)
    chart = describe(name, young)
    assert 0.004 < (pixels(draw_png(name, young)) < 128).any(axis=2).mean() < 0.5
    page = draw_html(name, young)
    assert ("Plotly.newPlot" in page) is bool(chart.panels)
    assert (f'<p class="empty">{chart.empty}' in page) is not bool(chart.panels)


@pytest.mark.parametrize("name", CHARTS)
def test_both_renderings_have_the_same_title_and_subtitle(name):
    chart = describe(name, summary(60), importance=importance())
    page = draw_html(name, summary(60), importance=importance())
    words = re.findall(r"<(?:h1|p)>(.*?)</(?:h1|p)>", page)
    assert words == [text.replace("'", "&#x27;") for text in (chart.title, *chart.subtitle)]
    assert chart.name == name


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(BadConfig, match="no chart 'profit'; use one of equity, drawdown"):
        draw_png("profit", summary(2))


@pytest.mark.slow
def test_all_charts_of_three_years_take_under_six_seconds_of_processor():
    old = summary(2500)
    began = process_time()
    for name in CHARTS:
        draw_png(name, old, importance=importance())
        draw_html(name, old, importance=importance())
    assert process_time() - began < 6  # 1.5 on an idle core, twice and more beside busy ones
