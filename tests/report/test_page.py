"""The HTML frame: everything that is text is escaped, and the result is well formed."""

from html.parser import HTMLParser

import pytest

from trader.report import page

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Outline(HTMLParser):
    """Collects text and attributes, and fails on a tag that is closed out of turn."""

    def __init__(self, html):
        super().__init__()
        self.open, self.words, self.attributes, self.tags = [], [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


NASTY = '<script>alert("x")</script>&\'"'


def test_titles_leads_and_headings_are_escaped():
    html = page.page(NASTY, lead=NASTY, sections=[page.Section(title=NASTY, body=page.text(NASTY))])
    outline = Outline(html)
    assert "script" not in outline.tags
    assert outline.words.count(NASTY) == 6  # title, heading, lead, link, section heading, text


@pytest.mark.parametrize(
    "part",
    [
        page.text(NASTY, look="note"),
        page.table(NASTY, head=(NASTY,), rows=[(NASTY, page.Cell(text=NASTY, look="above"))]),
        page.picture(b"png", title=NASTY, reading=NASTY),
        page.too_few(1, needed=2, noun=NASTY, what=NASTY),
    ],
)
def test_every_part_is_escaped_also_inside_attributes(part):
    outline = Outline(part)
    assert "script" not in outline.tags
    written = "".join(outline.words) + "".join(value for _, value in outline.attributes)
    assert NASTY in written


def test_links_lead_to_the_sections():
    html = page.page("T", lead="", sections=[page.Section(title=name, body="") for name in ("One", "Two")])
    attributes = Outline(html).attributes
    targets = [value[1:] for name, value in attributes if name == "href"]
    assert targets == [value for name, value in attributes if name == "id"] == ["s1", "s2"]


def test_a_picture_is_inside_the_page():
    attributes = dict(Outline(page.picture(b"\x89PNG", title="A", reading="How")).attributes)
    assert attributes == {"alt": "A", "src": "data:image/png;base64,iVBORw=="}


def test_a_table_has_its_rows_named_and_its_cells_coloured():
    outline = Outline(page.table("Caption", head=("a", "b"), rows=[("x", page.Cell(text="1", look="below"))]))
    assert outline.words == ["Caption", "a", "b", "x", "1"]
    assert ("class", "below") in outline.attributes
    assert ("scope", "row") in outline.attributes


def test_what_is_too_few_says_how_many_it_takes():
    assert "at least 1,000 klines; there are 12." in page.too_few(12, needed=1000, noun="klines", what="Memory")
