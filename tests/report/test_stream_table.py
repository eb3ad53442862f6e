"""A stream as a table: null where there is nothing to say."""

import numpy as np

from tests.core.evaluation.streams import stream_of
from trader.report.stream_table import table_of


def test_a_row_a_kline_and_null_where_the_model_was_not_asked():
    stream = stream_of(
        [0.0, -1.0], closes=[100.0, 99.0, 101.0], p_up=np.array([np.nan, 0.25]), labels=np.array([np.nan, 0.0])
    )
    table = table_of(stream).to_pylist()
    assert [row["p_up"] for row in table] == [None, 0.25]
    assert [row["label"] for row in table] == [None, 0.0]
    assert [row["exposure"] for row in table] == [0.0, -1.0]
    assert str(stream.gross[0]) == "-0.0", "flat while the market fell"
    assert str(table[0]["gross"]) == "0.0"
    assert table[1]["open_time"].isoformat() == "2024-01-01T01:00:00+00:00"
    assert table[1]["net"] == stream.net[1]


def test_a_stream_without_probabilities_has_none():
    table = table_of(stream_of([1.0], closes=[100.0, 101.0])).to_pylist()
    assert (table[0]["p_up"], table[0]["label"]) == (None, None)
