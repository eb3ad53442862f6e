"""The exploratory page: what a reader should know about the klines before trusting a model trained on them.

Returns and labels never touch a filled row. A section that needs more klines than there are says so in its place.
Describing all klines is itself a look at the future: the page is for understanding, not for picking parameters.
"""

import numpy as np

from trader.core.accounting import Costs
from trader.core.errors import BadConfig
from trader.core.klines import FloatArray, IntArray, Klines, fill_gaps, interval_ms
from trader.report import explore_labels, group_charts, market_charts, page
from trader.report.market_statistics import (
    DAY_MS,
    QUANTILES,
    Coverage,
    Moments,
    autocorrelation,
    coverage,
    days_of_week,
    hours_of_day,
    moments,
    noun,
    own_returns,
    profile,
    rolling_volatility,
)

LAGS = 72
LONGEST_GAPS = 8
MIN_RETURNS = 50
MIN_WEEKS = 4
_DAYS = dict(enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")))
_HOURS = {hour: str(hour) for hour in range(0, 24, 3)}


def explore_page(klines: Klines, *, symbol: str, interval: str, preset: str, costs: Costs) -> str:
    """Return the page as one self-contained HTML text. Raises BadConfig for an unknown preset or another interval.

    The klines are gap-filled and flagged; holes that are left are filled here. None at all give a page that says so.
    """
    if klines.interval != interval:
        raise BadConfig(f"klines of {klines.interval} cannot be shown as {interval}; ask for the interval they have")
    klines = fill_gaps(klines, until=klines.last if len(klines) else None)
    title = f"{symbol} {interval}: a look at the klines"
    if not len(klines):
        return page.page(title, lead="There are no klines yet.", sections=[])
    covered, returns = coverage(klines), own_returns(klines)
    lead = f"{klines.first:%Y-%m-%d %H:%M} to {klines.last:%Y-%m-%d %H:%M} UTC (open times), {covered.klines:,} klines"
    sections = [
        page.Section(title="Coverage", body=_coverage(klines, covered)),
        page.Section(title="Price and volatility", body=_price(klines, returns, symbol=symbol, interval=interval)),
        page.Section(title="Returns", body=_returns(returns)),
        page.Section(title="Memory", body=_memory(returns)),
        page.Section(title="Time of day and week", body=_calendar(klines, returns)),
        page.Section(title="The label and the costs", body=explore_labels.label_section(klines, costs=costs)),
        page.Section(
            title=f"Features and the next {noun(interval)}", body=explore_labels.feature_section(klines, preset=preset)
        ),
    ]
    return page.page(title, lead=lead, sections=sections)


def _coverage(klines: Klines, covered: Coverage) -> str:
    counts = page.table(
        "Counts",
        head=(),
        rows=[
            ("First kline (open, UTC)", f"{klines.first:%Y-%m-%d %H:%M}"),
            ("Last kline (open, UTC)", f"{klines.last:%Y-%m-%d %H:%M}"),
            ("Klines on the grid", f"{covered.klines:,}"),
            ("Published by the exchange", f"{covered.real:,} ({100 * covered.real / covered.klines:.3f} %)"),
            ("Filled (missing)", f"{covered.filled:,} in {len(covered.gaps):,} gaps"),
            ("Published with zero volume", f"{covered.zero_volume:,}"),
        ],
    )
    gaps = page.table(
        f"Longest gaps ({min(LONGEST_GAPS, len(covered.gaps))} of {len(covered.gaps)})",
        head=("First missing kline (UTC)", "Missing klines"),
        rows=[(f"{gap.start:%Y-%m-%d %H:%M}", f"{gap.count:,}") for gap in covered.gaps[:LONGEST_GAPS]],
    )
    heat = page.picture(
        market_charts.draw_coverage(klines, covered),
        title="Klines missing in each month",
        reading="Each cell is a month and its number how many klines are missing; a pale cell without a number is "
        "complete, a blank one lies outside the data.",
    )
    return page.grid(f"<div>{counts}{gaps if covered.gaps else page.text('No gaps.')}</div>", heat)


def _price(klines: Klines, returns: FloatArray, *, symbol: str, interval: str) -> str:
    price = page.picture(
        market_charts.draw_price(klines, symbol=symbol),
        title="Close and volume",
        reading="On the log scale equal heights are equal percentages; volume tells whether years compare at all.",
    )
    window = 30 * DAY_MS // interval_ms(interval)
    if len(klines) <= window:
        return page.grid(price, page.too_few(len(klines), needed=window + 1, noun="klines", what="Rolling volatility"))
    volatility = page.picture(
        market_charts.draw_volatility(klines, rolling_volatility(returns, window=window, interval=interval)),
        title="Rolling volatility",
        reading="Standard deviation of the last 30 days' returns, scaled to a year: calm and wild stretches differ by "
        "factors, so one fixed band or stop does not suit all of them.",
    )
    return page.grid(price, volatility)


def _returns(returns: FloatArray) -> str:
    count = int(np.isfinite(returns).sum())
    if count < MIN_RETURNS:
        return page.too_few(count, needed=MIN_RETURNS, noun="returns", what="Distribution")
    described = moments(returns)
    if not described.deviation:
        return page.text("Distribution: not computed. Every return is the same, so there is no spread.", look="missing")
    drawn = page.picture(
        market_charts.draw_distribution(returns, described),
        title="Distribution of returns against a normal",
        reading="Dots above the dashed curve at the edges are moves that a normal distribution would call impossible; "
        "limits and sizes have to survive them.",
    )
    return page.grid(drawn, _moments_table(described))


def _moments_table(described: Moments) -> str:
    bp = "{:+,.1f} bp".format
    rows = [
        ("Returns", f"{described.count:,}"),
        ("Mean", f"{1e4 * described.mean:+.3f} bp"),
        ("Standard deviation", f"{1e4 * described.deviation:.1f} bp"),
        ("Skew (normal: 0)", f"{described.skew:+.2f}"),
        ("Excess kurtosis (normal: 0)", f"{described.excess_kurtosis:+.1f}"),
        ("Smallest", bp(1e4 * described.smallest)),
        *((f"Quantile {100 * q:g} %", bp(1e4 * v)) for q, v in zip(QUANTILES, described.quantiles, strict=True)),
        ("Largest", bp(1e4 * described.largest)),
    ]
    return page.table("Return of one kline, close to close (1 bp = 0.01 %)", head=(), rows=rows)


def _memory(returns: FloatArray) -> str:
    count = int(np.isfinite(returns).sum())
    lags = min(LAGS, count // 4)
    if count < MIN_RETURNS:
        return page.too_few(count, needed=MIN_RETURNS, noun="returns", what="Autocorrelation")
    signed = page.picture(
        market_charts.draw_autocorrelation(
            autocorrelation(returns, lags=lags), count=count, title="Autocorrelation of returns"
        ),
        title="Autocorrelation of returns",
        reading="Bars inside the grey band are what independent returns would show; one in twenty leaves it by chance, "
        "and wild stretches make the true band wider.",
    )
    sizes = page.picture(
        market_charts.draw_autocorrelation(
            autocorrelation(np.abs(returns), lags=lags), count=count, title="Autocorrelation of |returns|"
        ),
        title="Autocorrelation of absolute returns",
        reading="Bars far above the band mean that large moves follow large moves in either direction (volatility "
        "clusters); a bump at lag 24 is the daily rhythm.",
    )
    return page.grid(signed, sizes)


def _calendar(klines: Klines, returns: FloatArray) -> str:
    weeks = int(klines.open_time[-1] - klines.open_time[0]) // (7 * DAY_MS)
    if weeks < MIN_WEEKS:
        return page.too_few(weeks, needed=MIN_WEEKS, noun="weeks", what="Profiles of the hour and the day")
    hours, days = hours_of_day(klines.open_time), days_of_week(klines.open_time)
    parts = []
    if interval_ms(klines.interval) < DAY_MS:
        parts += _profiles(klines, returns, hours, size=24, ticks=_HOURS, name="Hour of day")
    parts += _profiles(klines, returns, days, size=7, ticks=_DAYS, name="Day of week")
    return page.grid(*parts)


def _profiles(
    klines: Klines, returns: FloatArray, groups: IntArray, *, size: int, ticks: dict[int, str], name: str
) -> list[str]:
    xlabel = f"{name.lower()}, UTC"
    mean = profile(returns, groups, size=size)
    move = profile(np.abs(returns), groups, size=size)
    volume = profile(np.where(klines.filled, np.nan, klines.volume), groups, size=size)
    return [
        page.picture(
            group_charts.draw_mean_profile(mean, ticks=ticks, title=f"{name}: mean return", xlabel=xlabel),
            title=f"{name}: mean return",
            reading=f"A group whose 95 % interval leaves zero stands out, but {size / 20:.1f} of {size} do so by "
            "chance; compare the height with what one side of a trade costs.",
        ),
        page.picture(
            group_charts.draw_activity_profile(move, volume, ticks=ticks, title=f"{name}: activity", xlabel=xlabel),
            title=f"{name}: size of moves and volume",
            reading="Tall bars are when the market moves and trades most, which is when a signal has a chance to pay "
            "its costs.",
        ),
    ]
