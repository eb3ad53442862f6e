"""Tables of figures: once as aligned text for a terminal, once as Markdown for a page."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 100
"""Columns of a terminal that a line may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells that are text already. `align` has a letter a column: l for left, r for right."""

    title: str
    columns: tuple[str, ...]
    align: str
    rows: tuple[tuple[str, ...], ...]


def as_text(table: Table) -> list[str]:
    """Return the title and an indented line a row; a table whose columns have no names has no line of names."""
    lines = [table.columns, *table.rows] if any(table.columns) else list(table.rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)] if lines else []
    sides = [">" if side == "r" else "<" for side in table.align]
    text = [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True))
        for line in lines
    ]
    return [table.title, *(f"  {line}".rstrip() for line in text)]


def as_markdown(table: Table) -> list[str]:
    """Return the lines of a Markdown table, without the title."""
    rule = "|".join("---:" if side == "r" else "---" for side in table.align)
    return [f"| {' | '.join(table.columns)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in table.rows)]


def beside(tables: Sequence[Table], *, names: Sequence[str]) -> Table:
    """Return tables of one kind as one: their first columns are the same rows, of each the second one is kept.

    A row that a table lacks is "-" there; rows keep the order of the first table that has them.
    """
    labels = list(dict.fromkeys(row[0] for table in tables for row in table.rows))
    values = [{row[0]: row[1] for row in table.rows} for table in tables]
    return Table(
        title=tables[0].title,
        columns=(tables[0].columns[0], *names),
        align="l" + "r" * len(tables),
        rows=tuple((label, *(each.get(label, "-") for each in values)) for label in labels),
    )
