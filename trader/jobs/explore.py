"""Explore: the stored klines of a symbol as one page of pictures."""

from trader.core.accounting import Costs
from trader.core.errors import BadData
from trader.ports import ObjectStorage
from trader.report.explore import explore_page
from trader.store.klines import KlineStore


def explore(storage: ObjectStorage, *, symbol: str, interval: str, preset: str, costs: Costs) -> str:
    """Return the page as HTML. Raises BadData when nothing is stored of the symbol."""
    klines = KlineStore(storage).load(symbol, interval)
    if not len(klines):
        raise BadData(
            f"{symbol} {interval}: no klines are stored; run `trader ingest --symbol {symbol} --start YYYY-MM --end"
            " YYYY-MM`"
        )
    return explore_page(klines, symbol=symbol, interval=interval, preset=preset, costs=costs)
