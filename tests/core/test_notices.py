"""Notices are values, and their levels rise in the order in which they are written."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

from trader.config.watching import NotifySection
from trader.core.notices import Level, Notice, Topic


def test_levels_rise_from_information_to_error():
    assert [level.value for level in Level] == ["info", "success", "warning", "error"]
    assert NotifySection(level="warning").level is Level.WARNING


def test_a_notice_says_by_default_that_nothing_has_to_be_done_and_never_changes():
    notice = Notice(
        topic=Topic.DAILY, level=Level.INFO, symbol="", at=datetime(2026, 1, 1, tzinfo=UTC), what="all is well"
    )
    assert notice.advice == ""
    with pytest.raises(FrozenInstanceError):
        notice.what = "all is lost"
