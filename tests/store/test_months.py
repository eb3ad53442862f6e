from datetime import UTC, datetime

import pytest

from trader.core.errors import BadConfig
from trader.store.months import days_of, is_month, month_end, month_of, month_range, month_start, previous_month


def test_months_follow_one_another_over_the_year():
    assert list(month_range("2023-11", "2024-02")) == ["2023-11", "2023-12", "2024-01", "2024-02"]
    assert list(month_range("2024-02", "2024-02")) == ["2024-02"]
    assert list(month_range("2024-03", "2024-02")) == []
    assert previous_month("2024-01") == "2023-12"


def test_a_month_ends_where_the_next_one_starts():
    assert month_start("2024-12") == datetime(2024, 12, 1, tzinfo=UTC)
    assert month_end("2024-12") == datetime(2025, 1, 1, tzinfo=UTC)
    assert len(list(days_of("2024-02"))) == 29


def test_the_month_of_a_moment_is_utc():
    assert month_of(datetime.fromisoformat("2024-03-01T01:30:00+02:00")) == "2024-02"


@pytest.mark.parametrize("text", ["2024-13", "2024-1", "202411", "2024-00", "", "2024-11-03", "0000-05", "last"])
def test_what_is_not_a_month_is_refused(text):
    assert not is_month(text)
    with pytest.raises(BadConfig, match="write it as 2024-11"):
        month_start(text)
