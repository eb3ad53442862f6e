from datetime import UTC, datetime

import pytest

from trader.adapters.trackers.wire import (
    END,
    Report,
    read_dispatch,
    read_report,
    read_settings,
    write_dispatch,
    write_report,
    write_settings,
)
from trader.core.errors import BadData
from trader.core.tracking import Dispatch, Step

AT = datetime(2026, 11, 20, 16, tzinfo=UTC)
DISPATCH = Dispatch(
    experiment="ex",
    run="BTCUSDT-1h größe\n</script>",
    run_id="abc",
    tags={"bot": "b"},
    params={"eta": "0.1"},
    steps=(Step(number=7, at=AT, metrics={"p_up": 0.1 + 0.2, "tiny": 5e-324}), Step(number=8, at=AT, metrics={})),
    files={"static-img/equity.png": "/there/a b.png"},
)


def test_a_dispatch_arrives_as_it_was_to_the_last_bit_and_on_one_line():
    line = write_dispatch(DISPATCH)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert read_dispatch(line) == DISPATCH


def test_a_dispatch_without_anything_arrives_too():
    empty = Dispatch(experiment="ex", run="r")
    assert read_dispatch(write_dispatch(empty)) == empty


def test_settings_and_reports_arrive_as_they_were():
    assert read_settings(write_settings({"uri": "http://a\nb"})) == {"uri": "http://a\nb"}
    report = Report(index=3, run_id="x", sent=12, done=True, error="no", where="there")
    assert read_report(write_report(report)) == report
    assert read_report(write_report(Report())) == Report()


def test_no_dispatch_looks_like_the_end():
    assert write_dispatch(DISPATCH) != END
    with pytest.raises(BadData):
        read_dispatch(END)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_has_no_word_for_is_refused_before_it_is_sent(value):
    with pytest.raises(ValueError, match="JSON"):
        write_dispatch(Dispatch(experiment="e", run="r", steps=(Step(number=1, at=AT, metrics={"m": value}),)))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b"[]",
        b"3",
        b"{}",
        b'{"index":0}',
        write_report(Report(index=1)).replace(b'"index":1', b'"index":true'),
        write_report(Report(sent=1)).replace(b'"sent":1', b'"sent":"1"'),
        write_report(Report(sent=1)).replace(b'"sent":1', b'"sent":1.5'),
        write_report(Report()).replace(b'"done":false', b'"done":null'),
        write_report(Report())[:-2] + b',"more":1}',
    ],
)
def test_what_is_no_report_is_not_taken_for_one(line):
    with pytest.raises(BadData):
        read_report(line)


@pytest.mark.parametrize("line", [b"{}", b"nonsense", write_dispatch(DISPATCH).replace(b'"at"', b'"x"')[:-3]])
def test_what_is_no_dispatch_is_not_taken_for_one(line):
    with pytest.raises(BadData):
        read_dispatch(line)
