"""The site's own files: named by their content, complete, and free of anything that reaches elsewhere."""

import json
import re
from importlib.resources import files

import pytest

from trader.core.decision import Reason
from trader.core.orders import NotSent
from trader.core.performance import MIN_ROUND_TRIPS
from trader.report.dashboard import site
from trader.report.summary.model import RETURN_BINS, SCHEMA, MarkKind

SOURCES = {path.name: path.read_text() for path in files("trader.report.dashboard").joinpath("assets").iterdir()}
SCRIPTS = {name: text for name, text in SOURCES.items() if name.endswith(".js")}


def app() -> str:
    return next(data for name, data in site.assets().items() if name.startswith("app-")).decode()


def test_the_page_comes_last_and_names_files_that_are_there():
    written = site.assets()
    assert list(written)[-1] == site.PAGE
    assert tuple(written) == site.names()
    named = re.findall(r'(?:src|href)="([^"#][^":]*)"', written[site.PAGE].decode())
    assert len(named) == 2
    assert set(named) < set(written)


def test_names_change_with_the_content(monkeypatch):
    before = site.names()
    site._named.cache_clear()
    monkeypatch.setattr(site, "_asset", lambda name: SOURCES[name] + "\n")
    changed = site.names()
    monkeypatch.undo()
    site._named.cache_clear()
    assert [a == b for a, b in zip(before, changed, strict=True)] == [False, False, True, True]
    assert site.names() == before


def test_every_script_is_part_of_the_page():
    assert sorted(f"{name}.js" for name in site._SCRIPTS) == sorted(SCRIPTS)


def test_the_page_forbids_everything_from_elsewhere():
    assert f'content="{site.POLICY}"' in site.page().decode()
    assert "default-src 'none'" in site.POLICY
    assert "script-src 'self';" in site.POLICY
    assert "unsafe-eval" not in site.POLICY


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_nothing_names_another_site(name):
    assert set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", SOURCES[name])) <= {"http://www.w3.org"}


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_text_is_never_made_html(name):
    forbidden = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function|srcdoc|javascript:"
    assert not re.findall(forbidden, SCRIPTS[name])


def test_the_page_knows_what_the_program_knows():
    text = app()
    constants = json.loads(text[text.index("Object.freeze({") + len("Object.freeze(") : text.index(");\n//")])
    assert constants["schema"] == SCHEMA
    assert constants["minRoundTrips"] == MIN_ROUND_TRIPS
    assert constants["plotly"] in site.names()
    assert set(constants["reasons"]) == set(Reason)
    assert round(constants["returnStep"] * (RETURN_BINS - 2), 9) == 0.1, "from -5 % to +5 %"


@pytest.mark.parametrize("code", [*NotSent, *MarkKind])
def test_every_code_of_the_ledger_has_words(code):
    assert re.search(rf'^  "?{re.escape(code)}"?: ', SCRIPTS["words.js"], re.MULTILINE)


def test_the_first_view_stays_small_beside_the_chart_library():
    own = {name: len(data) for name, data in site.assets().items() if not name.startswith("plotly-")}
    assert sum(own.values()) < 150_000
