"""The pictures: every part is painted, where its numbers are."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from trader.report import style
from trader.report.charts.description import (
    SHADE,
    Axis,
    Band,
    Bars,
    Chart,
    Coordinate,
    Dash,
    Flags,
    Level,
    Line,
    Panel,
    Parallel,
    Points,
    Sign,
    Spans,
    Unit,
    floats,
)
from trader.report.charts.static import to_png

DAY_MS = 86_400_000.0
ACROSS = Axis(low=0, high=10)
UP = Axis(low=0, high=10)
TIME = Axis(unit=Unit.TIME, low=0, high=10 * DAY_MS)


def drawn(*parts, x=ACROSS, y=UP) -> np.ndarray:
    chart = Chart(name="c", title="", subtitle=(), panels=(Panel(parts=parts, x=x, y=y),), height=2.4)
    with Image.open(BytesIO(to_png(chart))) as image:
        return np.asarray(image.convert("RGB"))


def painted(shown, color) -> np.ndarray:
    """Where exactly this colour is: rows and columns of the pixels."""
    wanted = np.round(255 * np.array(to_rgb(color))).astype(np.uint8)
    return np.argwhere((shown == wanted).all(axis=2))


def middle(shown, color) -> tuple[float, float]:
    """The middle of a colour as shares of the axes, from their left and from below."""
    rows, columns = painted(shown, color).mean(axis=0)
    frame = painted(shown, style.GREY)  # the two edges of the axes
    (top, left), (bottom, right) = frame.min(axis=0), frame.max(axis=0)
    return (columns - left) / (right - left), (bottom - rows) / (bottom - top)


def test_a_line_is_where_its_numbers_are():
    for height in (2.0, 8.0):
        across, up = middle(
            drawn(Line(name="a", x=floats((0, 10)), y=floats((height, height)), color="#ff0000")), "#ff0000"
        )
        assert (across, up) == (pytest.approx(0.5, abs=0.02), pytest.approx(height / 10, abs=0.02))


def test_points_and_bars_stand_at_their_place():
    x, share = 2.0, 0.2
    point = Points(name="p", x=floats((x,)), y=floats((5,)), color="#ff0000", size=9)
    bar = Bars(name="b", at=floats((x,)), value=floats((10,)), width=1, color="#00ff00")
    lying = Bars(name="b", at=floats((x,)), value=floats((10,)), width=1, color="#00ff00", is_lying=True)
    assert middle(drawn(point), "#ff0000") == (pytest.approx(share, abs=0.02), pytest.approx(0.5, abs=0.03))
    assert middle(drawn(bar), "#00ff00") == (pytest.approx(share, abs=0.02), pytest.approx(0.5, abs=0.03))
    assert middle(drawn(lying), "#00ff00") == (pytest.approx(0.5, abs=0.03), pytest.approx(share, abs=0.03))


def test_an_interval_reaches_from_its_low_to_its_high():
    one = floats((5.0,))
    part = Points(name="p", x=one, y=one, low=floats((2.0,)), high=floats((9.0,)), color="#ff0000", size=1)
    assert middle(drawn(part), "#ff0000")[1] == pytest.approx(0.55, abs=0.03)
    rows = painted(drawn(part), "#ff0000")[:, 0]
    whole = painted(drawn(Line(name="a", x=floats((5, 5)), y=floats((0, 10)), color="#ff0000")), "#ff0000")[:, 0]
    assert np.ptp(rows) / np.ptp(whole) == pytest.approx(0.7, abs=0.02)


def test_times_are_in_milliseconds():
    line = Line(name="a", x=floats((4, 4)) * DAY_MS, y=floats((0, 10)), color="#ff0000")
    assert middle(drawn(line, x=TIME), "#ff0000")[0] == pytest.approx(0.4, abs=0.02)


@pytest.mark.slow
def test_spans_are_shaded_in_proportion():
    one, three = (
        len(painted(drawn(Spans(name="s", edges=((1 * DAY_MS, end * DAY_MS),)), x=TIME), SHADE)) for end in (2, 4)
    )
    assert 2.5 * one < three < 3.5 * one


def test_flags_stand_in_rows_above_the_curves():
    line = Line(name="a", x=floats((0, 10)) * DAY_MS, y=floats((0, 10)), color="#0000ff")
    flags = [
        Flags(name=color, x=floats((3.0,)) * DAY_MS, notes=("",), color=color, sign=Sign.DOWN)
        for color in ("#ff0000", "#00ff00")
    ]
    shown = drawn(line, *flags, x=TIME)
    first, second = (painted(shown, color)[:, 0].max() for color in ("#ff0000", "#00ff00"))  # not those of the legend
    curve = painted(shown[second:], "#0000ff")
    assert first < second
    assert len(curve) > 0.9 * len(painted(drawn(line, x=TIME), "#0000ff")) / 2
    assert len(painted(shown[:second], "#0000ff")) < len(curve) / 4  # hardly more than its line in the legend


@pytest.mark.slow
def test_hundreds_of_flags_are_thin():
    few, many = (
        Flags(name="f", x=np.linspace(1, 9, number) * DAY_MS, notes=("",) * number, color="#ff0000", sign=Sign.CROSS)
        for number in (24, 240)
    )
    line = Line(name="a", x=floats((0, 10)) * DAY_MS, y=floats((0, 10)), color="#0000ff")
    sizes = [len(painted(drawn(line, part, x=TIME), "#ff0000")) for part in (few, many)]
    assert sizes[1] < 3 * sizes[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        Band(name="b", x=floats((0, 10)), low=floats((2, 2)), high=floats((4, 4)), color="#ff0000"),
        Level(at=5, name="l", color="#ff0000", dash=Dash.DASHED),
        Level(at=5, color="#ff0000", is_upright=True),
        Line(name="a", x=floats((0, 5, 10)), y=floats((1, 9, 1)), color="#ff0000", is_step=True, fills=True),
        Line(name="a", x=floats((0, 5, 10)), y=floats((None, 9, None)), color="#ff0000"),
    ],
)
def test_everything_else_leaves_its_mark(part):
    assert (drawn(part) != drawn()).any(axis=2).sum() > 100


def test_ticks_may_be_words_and_an_axis_logarithmic():
    words = Axis(low=1, high=100, ticks=((1.0, "one"), (100.0, "hundred")), is_log=True)
    line = Line(name="a", x=floats((0, 10)), y=floats((10, 10)), color="#ff0000")
    assert middle(drawn(line, y=words), "#ff0000")[1] == pytest.approx(0.5, abs=0.02)


def test_parallel_lines_are_coloured_by_the_first_upright():
    def uprights(*values):
        ticks = ((0.0, "0"), (1.0, "1"))
        return Parallel(coordinates=tuple(Coordinate(name="n", values=floats(each), ticks=ticks) for each in values))

    crossing = drawn(uprights((0.0, 1.0), (1.0, 0.0))).astype(int)
    left = crossing[:, : crossing.shape[1] // 3]
    yellow = np.argwhere(left[:, :, 0] > left[:, :, 2] + 60)[:, 0]
    blue = np.argwhere(left[:, :, 2] > left[:, :, 0] + 60)[:, 0]
    assert yellow.mean() < blue.mean()  # the row that is high on the first upright is the bright one
    lone = Coordinate(name="n", values=floats((3.0,)), ticks=((3.0, "3"),))
    assert drawn(Parallel(coordinates=(lone, lone))).shape[1] == 1200


@pytest.mark.slow
@pytest.mark.parametrize("title", ["", "$x$ & <b>", "a very long title " * 20])
def test_any_title_can_be_drawn(title):
    with Image.open(BytesIO(to_png(Chart(name="c", title=title, subtitle=(title,), empty=title)))) as image:
        assert image.size[0] == 1200
