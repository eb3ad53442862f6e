"""A stream as a table, one row a decided kline."""

import numpy as np
import pyarrow as pa

from trader.core.evaluation.stream import Stream


def table_of(stream: Stream) -> pa.Table:
    """Return the klines of a stream; `p_up` is null where the model was not asked, `label` where nothing is scored."""
    unknown = np.full(len(stream), np.nan)
    return pa.table(
        {
            "open_time": pa.array(stream.open_time, type=pa.timestamp("ms", tz="UTC")),
            "close": stream.close,
            "p_up": pa.array(unknown if stream.p_up is None else stream.p_up, from_pandas=True),
            "label": pa.array(unknown if stream.labels is None else stream.labels, from_pandas=True),
            "exposure": stream.exposure,
            "gross": stream.gross + 0.0,  # minus nothing is nothing
            "net": stream.net + 0.0,
        }
    )
