"""Real klines, as one gap-filled table."""

from datetime import datetime
from pathlib import Path

import pandas as pd

from trader.core.klines import Klines, checked, fill_gaps


def real_klines(real_data: Path, symbol: str, *, end: datetime) -> Klines:
    """Hourly klines of a symbol from 2017-08 on that open before `end`."""
    frame = pd.read_parquet(real_data / f"{symbol}-1h.parquet")
    frame = frame[frame.open_time < end.timestamp() * 1000]
    columns = {name: frame[name].to_numpy() for name in ("open_time", "open", "high", "low", "close", "volume")}
    return fill_gaps(checked(interval="1h", **columns))
