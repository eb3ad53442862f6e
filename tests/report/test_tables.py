"""Tables: aligned text, Markdown, and several beside each other."""

from trader.report.tables import Table, as_markdown, as_text, beside

TABLE = Table(title="T", columns=("name", "value"), align="lr", rows=(("a", "1"), ("long name", "1,000")))


def test_text_is_aligned_under_the_names_of_its_columns():
    assert as_text(TABLE) == ["T", "  name       value", "  a              1", "  long name  1,000"]


def test_columns_without_names_have_no_line_of_names_and_lines_no_blanks_at_the_end():
    bare = Table(title="T", columns=("", "", ""), align="lrl", rows=(("a", "1", ""), ("b", "22", "why")))
    assert as_text(bare) == ["T", "  a   1", "  b  22  why"]


def test_a_table_without_rows_is_its_title_and_names():
    assert as_text(Table(title="T", columns=("x",), align="l", rows=())) == ["T", "  x"]
    assert as_text(Table(title="T", columns=("",), align="l", rows=())) == ["T"]


def test_markdown_has_a_rule_that_aligns():
    assert as_markdown(TABLE) == ["| name | value |", "|---|---:|", "| a | 1 |", "| long name | 1,000 |"]


def test_tables_beside_each_other_keep_every_row_and_show_what_one_of_them_lacks():
    one = Table(title="T", columns=("", "", ""), align="lrl", rows=(("net", "1", "meaning"), ("DSR", "0.5", "")))
    two = Table(title="T", columns=("", "", ""), align="lrl", rows=(("net", "2", "meaning"), ("PBO", "3 %", "")))
    assert beside([one, two], names=["first", "second"]) == Table(
        title="T",
        columns=("", "first", "second"),
        align="lrr",
        rows=(("net", "1", "2"), ("DSR", "0.5", "-"), ("PBO", "-", "3 %")),
    )
