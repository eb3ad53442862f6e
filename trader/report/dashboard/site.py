"""The files of the site beside its data: page, scripts and style, and the chart library of the plotly package.

    index.html    app-<hash>.js    style-<hash>.css    plotly-<version>.min.js

All names but the page's change with their content, so that no browser mixes two versions. Nothing is loaded from
elsewhere: the page's own content security policy forbids it, also when it is opened from a folder.
"""

import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from trader.core.errors import BadConfig
from trader.core.klines import INTERVALS
from trader.core.performance import MIN_ROUND_TRIPS
from trader.report.summary.model import GAP_DAYS, HIT_WINDOW, RECENT_DAYS, RETURN_STEP, SCHEMA
from trader.report.text import REASONS

PAGE = "index.html"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
    " base-uri 'none'; form-action 'none'"
)
"""Styles may stand inside the page because the chart library makes its own; scripts may not."""

_SCRIPTS = (
    *("dom", "format", "data", "words", "widgets", "plots", "charts"),
    *("overview", "runs", "run", "models", "model", "quality", "drift", "main"),
)
_HASH_DIGITS = 8


def assets() -> Mapping[str, bytes]:
    """Return every file by its name below `dashboard/`, the page last: what it names is there before it is."""
    return {**_named(), plotly_name(): _plotly_file().read_bytes(), PAGE: page()}


def names() -> tuple[str, ...]:
    """Return the names of `assets` without reading the chart library, which is large."""
    return (*_named(), plotly_name(), PAGE)


def plotly_name() -> str:
    """Return the name of the chart library's file, with the version of the package that brings it."""
    return f"plotly-{version('plotly')}.min.js"


@cache
def page() -> bytes:
    """Return the page, which names script and style."""
    style, app = _named()
    text = _asset("index.html").replace("{{policy}}", POLICY)
    return text.replace("{{style}}", style).replace("{{app}}", app).encode()


@cache
def _named() -> Mapping[str, bytes]:
    """Return the style sheet and the script, in this order, under names that hold a hash of them."""
    parts = [f"const BUILD = Object.freeze({_constants()});", *(_asset(f"{name}.js") for name in _SCRIPTS)]
    app = '(function () {\n"use strict";\n' + "\n".join(parts) + "\n})();\n"
    style = _asset("style.css")
    return {
        f"style-{_hash(style)}.css": style.encode(),
        f"app-{_hash(app)}.js": app.encode(),
    }


def _constants() -> str:
    """Return what page and program must agree on, as JSON."""
    shared = {
        "schema": SCHEMA,
        "intervals": INTERVALS,
        "minRoundTrips": MIN_ROUND_TRIPS,
        "returnStep": RETURN_STEP,
        "hitWindow": HIT_WINDOW,
        "recentDays": RECENT_DAYS,
        "gapDays": GAP_DAYS,
        "reasons": REASONS,
        "plotly": plotly_name(),
    }
    return json.dumps(shared, sort_keys=True)


def _asset(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:_HASH_DIGITS]


def _plotly_file() -> Path:
    """Return the library's file without importing the package, which takes a while."""
    spec = find_spec("plotly")
    found = Path(spec.origin).parent / "package_data" / "plotly.min.js" if spec is not None and spec.origin else None
    if found is None or not found.is_file():
        raise BadConfig("the plotly package is not installed with its scripts; install requirements.txt again")
    return found
