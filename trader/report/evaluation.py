"""An evaluation as text for people: figures, calibration, what the columns are worth, and the calendar."""

from collections import defaultdict

from trader.core.evaluation.calibration import Calibration
from trader.core.evaluation.periods import Period
from trader.core.evaluation.report import Evaluation
from trader.ml.importance import Importance
from trader.report.figures import UNDEFINED, figure_tables
from trader.report.tables import Table, as_text
from trader.report.text import percent

_MONTHS = tuple(f"{month:02}" for month in range(1, 13))


def describe_evaluation(found: Evaluation, *, importance: Importance | None = None) -> list[str]:
    """Return everything there is to say, in lines of at most `tables.WIDTH` columns."""
    return [line for table in evaluation_tables(found, importance=importance) for line in (*as_text(table), "")][:-1]


def evaluation_tables(found: Evaluation, *, importance: Importance | None = None) -> list[Table]:
    """Return all tables in the order of reading; what is not known is left out."""
    tables = figure_tables(found)
    if found.calibration is not None:
        tables += [probability_table(found.calibration), reliability_table(found.calibration)]
    if importance is not None:
        tables.append(importance_table(importance))
    return [*tables, year_table(found.by_year), month_table(found.by_month)]


def probability_table(found: Calibration) -> Table:
    """Return how good p(up) is as a forecast, whatever was made of it."""
    skill = UNDEFINED if found.brier_skill is None else percent(found.brier_skill)
    auc = UNDEFINED if found.auc is None else f"{found.auc:.4f}"
    rows = (
        ("scored", f"{found.rows:,}", f"klines; {found.base_rate:.2%} of them went up"),
        ("Brier", f"{found.brier:.5f}", "mean squared error of p(up); 0.25 for always 0.5"),
        ("Brier skill", skill, "squared error below that of the base rate; 0 is no skill"),
        ("log loss", f"{found.log_loss:.5f}", "0.69315 for always 0.5"),
        ("AUC", auc, "chance that a kline that went up had the higher p(up); 0.5 is no skill"),
    )
    return Table(title="CALIBRATION of p(up)", columns=("", "", ""), align="lrl", rows=rows)


def reliability_table(found: Calibration) -> Table:
    """Return what was said and what came, in bins of about equal count."""
    return Table(
        title="RELIABILITY: what came where p(up) said so",
        columns=("p(up)", "came", "95 % interval", "klines"),
        align="rrrr",
        rows=tuple(
            (f"{each.mean_p:.3f}", f"{each.rate:.3f}", f"{each.rate_low:.3f}-{each.rate_high:.3f}", f"{each.count:,}")
            for each in found.reliability
        ),
    )


def importance_table(found: Importance) -> Table:
    """Return what each column of the model is worth, the one that is missed most first."""
    ranked = sorted(found.columns, key=lambda column: -(column.log_loss or 0.0))
    return Table(
        title=f"COLUMNS: share of the gain in training; change when it is scrambled, on {found.hours:,} unseen klines",
        columns=("column", "gain", "log loss", "net"),
        align="lrrr",
        rows=tuple(
            (
                each.name,
                f"{each.gain * 100:.1f} %",
                UNDEFINED if each.log_loss is None else f"{round(each.log_loss, 5) + 0.0:+.5f}",
                percent(-each.net),
            )
            for each in ranked
        ),
    )


def year_table(years: tuple[Period, ...]) -> Table:
    """Return the calendar years, by the opening of the kline that was decided on."""
    return Table(
        title="BY YEAR",
        columns=("year", "net", "gross", "round trips", "drawdown", "klines"),
        align="lrrrrr",
        rows=tuple(
            (
                each.name,
                percent(each.net),
                percent(each.gross),
                f"{each.round_trips:,}",
                percent(-each.max_drawdown),
                f"{each.klines:,}",
            )
            for each in years
        ),
    )


def month_table(months: tuple[Period, ...]) -> Table:
    """Return net per cent of each month, a row a year."""
    nets: dict[str, dict[str, float]] = defaultdict(dict)
    for each in months:
        year, month = each.name.split("-")
        nets[year][month] = each.net
    return Table(
        title="BY MONTH, net in %",
        columns=("year", *_MONTHS),
        align="l" + "r" * len(_MONTHS),
        rows=tuple(
            (year, *(f"{found[month] * 100 + 0.0:+.1f}" if month in found else "" for month in _MONTHS))
            for year, found in nets.items()
        ),
    )
