"""What a stream refuses, how it is cut and joined, and where its market moves come from."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.builders import START
from tests.core.evaluation.streams import stream_of, stream_of_returns
from trader.core.errors import BadData
from trader.core.evaluation.stream import Stream

HOUR = timedelta(hours=1)
CLOSES = [100.0, 110.0, 99.0, 99.0, 108.9]


def without_next_close(stream):
    return replace(stream, next_close=None)


def test_moves_come_from_the_next_rows_close_and_at_the_end_from_the_gross_return():
    stream = without_next_close(stream_of([0, 1, -1, -0.5], closes=CLOSES))
    assert stream.moves == pytest.approx([0.1, -0.1, 0.0, 0.1])
    assert stream.next_closes == pytest.approx(CLOSES[1:])


def test_the_move_of_a_flat_last_row_is_not_known_and_counts_as_none():
    assert without_next_close(stream_of([1, 1, 1, 0], closes=CLOSES)).moves == pytest.approx([0.1, -0.1, 0.0, 0.0])


def test_a_given_next_close_is_believed():
    assert stream_of([1, 1, 1, 0], closes=CLOSES).moves == pytest.approx([0.1, -0.1, 0.0, 0.1])


def test_a_slice_keeps_the_move_of_its_last_row():
    stream = without_next_close(stream_of([0, 0, 0, 1], closes=CLOSES))
    assert stream[:2].moves == pytest.approx([0.1, -0.1])
    assert stream[np.array([True, False, False, True])].moves == pytest.approx([0.1, 0.1])


def test_between_takes_the_start_and_leaves_the_end():
    stream = stream_of([1, 0, -1, 1], closes=CLOSES, p_up=np.array([0.1, 0.2, 0.3, 0.4]))
    cut = stream.between(START + HOUR, START + 3 * HOUR)
    assert (cut.first, cut.last, len(cut)) == (START + HOUR, START + 2 * HOUR, 2)
    assert cut.exposure.tolist() == [0.0, -1.0]
    assert cut.p_up.tolist() == [0.2, 0.3]
    assert cut.labels is None
    assert len(stream.between(START - HOUR, START)) == 0


def test_concat_puts_a_stream_together_again():
    stream = without_next_close(stream_of([1, 0, -1, 1], closes=CLOSES))
    joined = Stream.concat([stream[:1], stream[1:3], stream[3:]])
    for name in ("open_time", "close", "exposure", "gross", "net", "scorable", "moves"):
        assert (getattr(joined, name) == getattr(stream, name)).all(), name


def test_a_move_never_reaches_across_a_hole():
    early = without_next_close(stream_of([1, 1], closes=[100, 101, 102]))
    late = without_next_close(stream_of([1, 1], closes=[500, 510, 520], start=START + 10 * HOUR))
    joined = Stream.concat([early, late])
    assert joined.moves == pytest.approx([1 / 100, 1 / 101, 10 / 500, 10 / 510])
    assert joined.adjacent.tolist() == [True, False, True]
    assert without_next_close(joined).moves == pytest.approx([1 / 100, 1 / 101, 10 / 500, 10 / 510])


def test_concat_fills_a_column_that_one_part_lacks():
    asked = stream_of([1], closes=[1, 1], p_up=np.array([0.7]))
    silent = stream_of([1], closes=[1, 1], start=START + HOUR)
    joined = Stream.concat([asked, silent])
    assert joined.p_up[0] == 0.7
    assert np.isnan(joined.p_up[1])
    assert joined.labels is None


def test_what_cannot_be_joined_is_refused():
    one = stream_of([1, 1], closes=[1, 1, 1])
    with pytest.raises(BadData, match="no streams"):
        Stream.concat([])
    with pytest.raises(BadData, match="overlap"):
        Stream.concat([one, one])
    with pytest.raises(BadData, match="1h, 4h cannot be joined"):
        Stream.concat([one, stream_of([1], closes=[1, 1], interval="4h", start=START + 8 * HOUR)])


@pytest.mark.parametrize("name", ["close", "exposure", "gross", "net", "scorable", "next_close", "p_up", "labels"])
def test_a_column_of_another_length_is_refused_by_name(name):
    stream = stream_of([1, 1], closes=[1, 1, 1])
    with pytest.raises(BadData, match=rf"stream: {name} has shape \(3,\), but there are 2 open times"):
        replace(stream, **{name: np.ones(3)})


@pytest.mark.parametrize("name", ["close", "exposure", "gross", "net"])
def test_an_hour_that_is_not_settled_is_refused_with_its_time(name):
    stream = stream_of([1, 1], closes=[1, 1, 1])
    with pytest.raises(BadData, match=f"stream: {name} is not known at {START + HOUR:%Y-%m-%d %H:%M} UTC"):
        replace(stream, **{name: np.array([0.0, np.nan])})


def test_open_times_closer_than_the_interval_are_refused():
    stream = stream_of_returns([0.0, 0.0])
    with pytest.raises(BadData, match="ascend"):
        replace(stream, open_time=stream.open_time[::-1].copy())
    with pytest.raises(BadData, match="ascend"):
        replace(stream, interval="4h")
