"""The shared look: bytes that depend on the input only, and numbers as people write them."""

from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from trader.report import style


def drawing(title="Title"):
    with style.house_style():
        figure = style.new_figure(title, subtitle="one line", height=3.0)
        figure.subplots().plot([0, 1], [0, 1], color=style.BLUE)
        return style.to_png(figure)


def test_a_picture_has_the_stated_size_and_no_metadata():
    with Image.open(BytesIO(drawing())) as image:
        image.load()
        assert image.size == (int(style.WIDTH * style.DPI), 3 * style.DPI)
        assert image.format == "PNG"
        assert set(image.info) <= {"dpi"}


def test_the_same_drawing_has_the_same_bytes_and_another_one_has_others():
    assert drawing() == drawing()
    assert drawing() != drawing("Other")


def test_the_users_own_settings_change_nothing_and_are_left_as_they_were():
    plain = drawing()
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black", "text.color": "red"}):
        assert drawing() == plain
        assert mpl.rcParams["font.size"] == 30


def test_dollar_signs_in_a_title_are_text():
    assert drawing("$x_1$") != drawing("x_1")
    drawing("$\\frac{$ unbalanced $")


def test_no_figure_is_registered_with_pyplot():
    drawing()
    assert not hasattr(mpl, "pyplot") or mpl.pyplot.get_fignums() == []


def test_times_are_days_since_the_epoch():
    assert style.days(np.array([0, 43_200_000, 86_400_000])).tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("value", "options", "written"),
    [
        (-1.5, {}, "\u22121.5 %"),
        (2.0, {"signed": True}, "+2 %"),
        (0.0, {"signed": True}, "0 %"),
        (-0.126, {"signed": True, "decimals": 2}, "\u22120.13 %"),
        (12.345, {"decimals": 1}, "12.3 %"),
    ],
)
def test_per_cent_is_written_with_a_real_minus(value, options, written):
    assert style.percent(value, **options) == written


@pytest.mark.parametrize(
    ("value", "written"), [(0.25, "0.25"), (950, "950"), (12_000, "12k"), (3.5e6, "3.5M"), (2e9, "2G"), (-5000, "-5k")]
)
def test_large_numbers_are_shortened(value, written):
    assert style.short(value) == written
