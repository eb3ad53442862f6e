"""The frame of a self-contained HTML page: no script, no font, no picture from outside, so it opens from a file.

Everything that is text goes through `escape`; what is already HTML is built by the functions here.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
:root { color-scheme: light; --ink: #1f2933; --soft: #52606d; --line: #d9dee4; --wash: #f5f7fa; --blue: #0072b2; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 1.25rem 1rem 4rem; max-width: 76rem; background: #fff; color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: clamp(1.5rem, 1.1rem + 2vw, 2.2rem); line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 2.5rem 0 .5rem; padding-top: .75rem;
  border-top: 2px solid var(--line); }
p { margin: .4rem 0 .8rem; max-width: 46rem; }
.lead { color: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .75rem 0 0; }
a { color: var(--blue); }
.grid { display: grid; gap: 1.5rem 2rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 27rem), 1fr)); }
.grid > * { min-width: 0; }
figure { margin: 0; }
img { display: block; width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: .93rem; max-width: 36rem; margin-top: .35rem; }
.scroll { overflow-x: auto; margin: .5rem 0; }
table { border-collapse: collapse; font-size: .93rem; font-variant-numeric: tabular-nums; }
.caption { font-weight: 600; margin: .8rem 0 .35rem; }
th, td { padding: .28rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { font-weight: 600; background: var(--wash); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tbody th { background: none; font-weight: 500; white-space: normal; }
td { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
td.above { background: #cfe4f2; font-weight: 700; }
td.below { background: #f9d9c3; font-weight: 700; }
.note { background: var(--wash); border-left: 4px solid var(--blue); padding: .6rem .9rem; max-width: 46rem; }
.missing { color: var(--soft); background: var(--wash); border: 1px dashed #9aa5b1; padding: .8rem 1rem;
  align-self: start; }
@media print {
  html { font-size: 9pt; }
  body { max-width: none; padding: 0; }
  nav { display: none; }
  figure, table, .note { break-inside: avoid; }
  h2, .caption { break-after: avoid; }
  .grid { grid-template-columns: 1fr 1fr; gap: 1rem; }
  .scroll { overflow: visible; }
  th, td { padding: .15rem .3rem; }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a page: its heading and its body, which is HTML."""

    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A table cell with a class of the style sheet (`above`, `below`)."""

    text: str
    look: str = ""


def page(title: str, *, lead: str, sections: Sequence[Section]) -> str:
    """Return the whole page; `title` and `lead` are text."""
    links = "".join(f'<a href="#s{n}">{escape(part.title)}</a>' for n, part in enumerate(sections, start=1))
    body = "".join(
        f'<section><h2 id="s{n}">{escape(part.title)}</h2>{part.body}</section>'
        for n, part in enumerate(sections, start=1)
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f'<body><header><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p><nav>{links}</nav></header>'
        f"<main>{body}</main></body></html>\n"
    )


def picture(png: bytes, *, title: str, reading: str) -> str:
    """Return a figure with the picture inside the page and one sentence on how to read it."""
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<figure><img alt="{escape(title)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(reading)}</figcaption></figure>"
    )


def table(caption: str, *, head: Sequence[str], rows: Iterable[Sequence[str | Cell]]) -> str:
    """Return a table that scrolls sideways on a narrow screen; the first column names the row."""
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(f"<tr>{_row(cells)}</tr>" for cells in rows)
    top = f"<thead><tr>{columns}</tr></thead>" if head else ""
    return (
        f'<div><p class="caption">{escape(caption)}</p>'  # not a <caption>: that would scroll away with a wide table
        f'<div class="scroll"><table aria-label="{escape(caption)}">{top}<tbody>{body}</tbody></table></div></div>'
    )


def _row(cells: Sequence[str | Cell]) -> str:
    known = [cell if isinstance(cell, Cell) else Cell(text=cell) for cell in cells]
    rest = "".join(
        f'<td class="{c.look}">{escape(c.text)}</td>' if c.look else f"<td>{escape(c.text)}</td>" for c in known[1:]
    )
    return f'<th scope="row">{escape(known[0].text)}</th>{rest}'


def grid(*parts: str) -> str:
    """Lay parts out side by side where there is room."""
    return f'<div class="grid">{"".join(parts)}</div>'


def text(words: str, *, look: str = "") -> str:
    """Return a paragraph of plain text."""
    return f'<p class="{look}">{escape(words)}</p>' if look else f"<p>{escape(words)}</p>"


def too_few(count: int, *, needed: int, noun: str, what: str) -> str:
    """Return the place-holder of something that cannot be computed, and why."""
    return text(f"{what}: not computed. It needs at least {needed:,} {noun}; there are {count:,}.", look="missing")
