"""The part of the exploratory page about what a model is asked: the label, its price, and what single features know.

Rows whose own or next kline is filled have no label and are not here.
"""

from collections.abc import Sequence

from trader.core.accounting import Costs
from trader.core.klines import Klines
from trader.report import feature_charts, group_charts, page
from trader.report.feature_statistics import MIN_YEAR, Relation, Rows, deciles, labelled_rows, relate
from trader.report.market_statistics import Year, break_even_hit_rate, by_year
from trader.report.market_statistics import noun as kline_noun

MIN_LABELS = 50
MIN_LABELLED = 300
"""Rows for the deciles: thirty in each, below which an interval says nothing."""


def label_section(klines: Klines, *, costs: Costs) -> str:
    """Return the base rate of the label by year and the size of moves against the costs."""
    years = by_year(klines, costs=costs)
    count = years[-1].count if years else 0
    if count < MIN_LABELS:
        return page.too_few(count, needed=MIN_LABELS, noun="labels", what="Base rate and costs")
    noun = kline_noun(klines.interval)
    cost = 2 * costs.rate
    rates = page.picture(
        group_charts.draw_base_rates(years, noun=noun),
        title=f"Share of {noun}s that rise, by year",
        reading="A model has to beat the dashed line, not 50 %; where the intervals of years do not overlap the market "
        "itself changed.",
    )
    moves = page.picture(
        group_charts.draw_moves(years, cost=cost, noun=noun),
        title="Size of moves against the costs, by year",
        reading=f"Only {noun}s beyond {1e4 * cost:g} bp (dashed on the right) could pay for a position of one "
        f"{noun}, and only if the direction was right.",
    )
    return _costs_note(years[-1], noun=noun, costs=costs) + page.grid(rates, moves) + _years_table(years, cost=cost)


def _costs_note(whole: Year, *, noun: str, costs: Costs) -> str:
    needed = break_even_hit_rate(mean_move=whole.mean_move, costs=costs)
    verdict = f"it has to be right in {100 * needed:.1f} % of {noun}s" if needed < 1 else "no hit rate is enough"
    return page.text(
        f"How large is one {noun}? The mean absolute move is {1e4 * whole.mean_move:.1f} bp, the median "
        f"{1e4 * whole.median_move:.1f} bp. Opening and leaving a position costs 2 x {1e4 * costs.rate:g} bp, and "
        f"{100 * whole.beyond_costs:.1f} % of {whole.count:,} {noun}s move further than that. A strategy that turns "
        f"round every {noun} pays it every time: {verdict} to break even, if it is right as often in small moves as in "
        "large ones. Otherwise it has to trade less often, or only before larger moves.",
        look="note",
    )


def _years_table(years: Sequence[Year], *, cost: float) -> str:
    return page.table(
        "The label by year (rows with a real kline and a real next one)",
        head=(
            "Year (UTC)",
            "Labels",
            "Rising",
            "95 % interval",
            "Mean |move|",
            "Median |move|",
            f"Beyond {1e4 * cost:g} bp",
        ),
        rows=[
            (
                str(year.year) if year.year else "All",
                f"{year.count:,}",
                f"{100 * year.base_rate:.2f} %",
                f"{100 * year.low:.2f} to {100 * year.high:.2f} %",
                f"{1e4 * year.mean_move:.1f} bp",
                f"{1e4 * year.median_move:.1f} bp",
                f"{100 * year.beyond_costs:.1f} %",
            )
            for year in years
        ],
    )


def feature_section(klines: Klines, *, preset: str) -> str:
    """Return what each feature of the preset says about the next kline. Raises BadConfig for an unknown preset."""
    rows = labelled_rows(klines, preset=preset)
    if len(rows) < MIN_LABELLED:
        return page.too_few(len(rows), needed=MIN_LABELLED, noun="labelled rows with every feature", what="Features")
    if not 0 < rows.labels.sum() < len(rows):
        return page.text("Features: not computed. Every labelled kline went the same way.", look="missing")
    noun = kline_noun(klines.interval)
    return _relations_table(relate(rows), rows, noun=noun) + _decile_pictures(rows, noun=noun)


def _relations_table(relations: Sequence[Relation], rows: Rows, *, noun: str) -> str:
    years = sorted(relations[0].by_year)
    noise = relations[0].noise
    looks = len(relations) * len(years)
    note = page.text(
        f"AUC: the chance that a rising {noun} has the higher value of the feature; 0.5 is no information. Of a "
        f"meaningless feature 95 % of values fall within 0.5 \N{PLUS-MINUS SIGN} {noise:.4f}; coloured cells lie "
        f"outside their own band (blue above, orange below). {len(relations)} features over {len(years)} years are "
        f"{looks} looks, of which {looks / 20:.1f} leave the band by chance, and features overlap: believe a side that "
        "nearly every year repeats, and doubt the rest. Information is not yet profit: hold it against the costs "
        "above. And all klines were looked at here, so whatever is chosen by this page is chosen in-sample."
    )
    body: list[list[str | page.Cell]] = [
        [
            relation.name,
            _auc_cell(relation.auc, relation.noise),
            f"{relation.correlation:+.4f}",
            f"{relation.same_side} of {len(years)}",
            *(_auc_cell(*relation.by_year[year]) for year in years),
        ]
        for relation in relations
    ]
    head = ("Feature", "AUC", "Correlation", "Years on its side", *(str(year) for year in years))
    caption = f"Each feature alone against the next {noun}, {len(rows):,} {noun}s (years with {MIN_YEAR} or more)"
    return note + page.table(caption, head=head, rows=body)


def _auc_cell(value: float, noise: float) -> page.Cell:
    look = "above" if value > 0.5 + noise else "below" if value < 0.5 - noise else ""
    return page.Cell(text=f"{value:.3f}", look=look)


def _decile_pictures(rows: Rows, *, noun: str) -> str:
    base_rate = float(rows.labels.mean())
    cuts = [deciles(feature, rows.labels) for feature in rows.features.T]
    scale = feature_charts.common_scale(cuts, base_rate=base_rate)
    pictures = [
        page.picture(
            feature_charts.draw_deciles(cut, name=name, base_rate=base_rate, scale=scale, noun=noun),
            title=f"{name}: share rising in the next {noun}, by tenth",
            reading=f"Blue tenths of {name} have a 95 % interval that leaves the base rate; a slope across all ten is "
            "information, a single blue dot may be luck.",
        )
        for name, cut in zip(rows.names, cuts, strict=True)
    ]
    return page.grid(*pictures)
