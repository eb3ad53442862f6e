from datetime import UTC, datetime

import pytest

from trader.adapters.notices.message import message_of
from trader.core.notices import Level, Notice, Topic

AT = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


def notice(level=Level.WARNING, *, topic=Topic.MISSED, symbol="BTCUSDT", what="2 klines missed", advice="look"):
    return Notice(topic=topic, level=level, symbol=symbol, at=AT, what=what, advice=advice)


def test_one_notice_says_how_urgent_it_is_what_happened_what_to_do_when_and_who():
    message = message_of([notice()], bot_id="my-bot")
    assert message.title == "[WARNING] BTCUSDT missed hours"
    assert message.body == "2 klines missed\nWhat to do: look\n\n2026-11-20 17:00 UTC, bot my-bot"
    assert message.kind == "warning"


def test_a_notice_without_symbol_and_advice_has_no_empty_places():
    message = message_of([notice(Level.INFO, topic=Topic.DAILY, symbol="", what="all well", advice="")], bot_id="b")
    assert message.title == "[INFO] daily summary"
    assert message.body == "all well\n\n2026-11-20 17:00 UTC, bot b"
    assert message.kind == "info"


def test_several_notices_are_one_message_with_the_most_urgent_first():
    halted = notice(Level.ERROR, topic=Topic.HALTED, symbol="ETHUSDT", what="lost too much", advice="")
    message = message_of([notice(), notice(Level.SUCCESS, topic=Topic.RUN_DONE), halted], bot_id="b")
    assert message.title == "[ERROR] ETHUSDT halted, and 2 more"
    assert message.kind == "failure"
    assert message.body.split("\n\n") == [
        "[ERROR] ETHUSDT halted\nlost too much",
        "[WARNING] BTCUSDT missed hours\n2 klines missed\nWhat to do: look",
        "[SUCCESS] BTCUSDT run done\n2 klines missed\nWhat to do: look",
        "2026-11-20 17:00 UTC, bot b",
    ]


@pytest.mark.parametrize(
    ("level", "kind"),
    [(Level.INFO, "info"), (Level.SUCCESS, "success"), (Level.WARNING, "warning"), (Level.ERROR, "failure")],
)
def test_every_level_has_a_word_of_apprise(level, kind):
    assert message_of([notice(level)], bot_id="b").kind == kind
