"""A backtest as a table, one row a decided kline."""

import numpy as np
import pyarrow as pa

from trader.ml.backtest import Backtest


def table_of(result: Backtest) -> pa.Table:
    """Return the hours of a backtest; `gross` and `net` are null for the last one, whose return is not known yet."""
    known = np.append(np.ones(len(result.gross), dtype=bool), False)
    return pa.table(
        {
            "open_time": pa.array(result.open_time, type=pa.timestamp("ms", tz="UTC")),
            "close": result.close,
            "p_up": pa.array(result.p_up, from_pandas=True),
            "reason": [reason.value for reason in result.reasons],
            "exposure": result.exposure,
            "gross": pa.array(np.append(result.gross, 0.0), mask=~known),
            "net": pa.array(np.append(result.net, 0.0), mask=~known),
        }
    )
