from datetime import UTC, datetime, timedelta

import pytest

from trader.core.notices import Level, Notice, Topic
from trader.jobs.notices import due
from trader.jobs.notices.due import kind_of
from trader.jobs.outlets import NoticeRules

NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULES = NoticeRules(level=Level.WARNING, daily=True, success=False, repeat=6 * HOUR)


def notice(topic=Topic.UNEXPLAINED, level=Level.ERROR, *, symbol="BTCUSDT", what="USDT: 5 more", at=NOW):
    return Notice(topic=topic, level=level, symbol=symbol, at=at, what=what)


def going(*notices, sent=None, now=NOW, rules=RULES):
    return due(notices, sent=sent or {}, now=now, rules=rules)


@pytest.mark.parametrize(
    ("least", "levels"),
    [
        (Level.INFO, [Level.INFO, Level.SUCCESS, Level.WARNING, Level.ERROR]),
        (Level.WARNING, [Level.WARNING, Level.ERROR]),
        (Level.ERROR, [Level.ERROR]),
    ],
)
def test_what_is_less_urgent_than_the_level_stays_here(least, levels):
    every = [notice(Topic.PROMOTED, level, what=level) for level in Level]
    found = going(*every, rules=NoticeRules(level=least))
    assert [each.level for each in found.notices] == levels


@pytest.mark.parametrize("topic", [Topic.DAILY, Topic.RUN_DONE])
@pytest.mark.parametrize("wanted", [True, False])
def test_two_kinds_are_asked_for_by_name_whatever_their_level(topic, wanted):
    rules = NoticeRules(level=Level.ERROR, daily=wanted, success=wanted)
    assert bool(going(notice(topic, Level.INFO), rules=rules).notices) is wanted
    loud = NoticeRules(level=Level.INFO, daily=wanted, success=wanted)
    assert bool(going(notice(topic, Level.ERROR), rules=loud).notices) is wanted


def test_what_lasts_is_told_again_only_after_a_while_also_with_other_figures():
    first = going(notice(what="USDT: 5 more"))
    assert len(first.notices) == 1
    again = notice(what="USDT: 7.25 more", at=NOW + HOUR)
    silent = going(again, sent=first.sent, now=NOW + 6 * HOUR - timedelta(seconds=1))
    assert silent.notices == ()
    assert silent.sent == first.sent
    later = going(again, sent=silent.sent, now=NOW + 6 * HOUR)
    assert later.notices == (again,)
    assert list(later.sent.values()) == [NOW + 6 * HOUR]


def test_the_same_twice_in_one_call_goes_out_once():
    assert len(going(notice(what="5 more"), notice(what="6 more")).notices) == 1


def test_another_symbol_another_topic_and_another_text_are_other_notices():
    first = going(notice())
    others = (notice(symbol="ETHUSDT"), notice(Topic.RUN_FAILED), notice(what="BTC: 5 less"))
    assert going(*others, sent=first.sent).notices == others


def test_what_happens_once_is_never_taken_for_a_repetition():
    first = notice(Topic.PROMOTED, what="model a decides")
    sent = going(first).sent
    assert going(first, sent=sent, now=NOW + HOUR).notices == (), "it is the same event"
    same_words = notice(Topic.PROMOTED, what="model a decides", at=NOW + HOUR)
    assert going(same_words, sent=sent, now=NOW + HOUR).notices == (same_words,)


def test_what_stayed_here_for_its_level_does_not_count_as_sent():
    assert going(notice(level=Level.INFO)).sent == {}


def test_a_time_ahead_of_now_keeps_nobody_from_being_told():
    sent = {kind_of(notice()): NOW + 3 * HOUR}
    found = going(notice(), sent=sent)
    assert len(found.notices) == 1
    assert list(found.sent.values()) == [NOW]


def test_old_times_are_forgotten_but_not_before_they_are_needless():
    sent = {"a": NOW - timedelta(days=8), "b": NOW - timedelta(days=6)}
    assert set(going(sent=sent).sent) == {"b"}
    monthly = NoticeRules(repeat=timedelta(days=30))
    assert set(going(sent=sent, rules=monthly).sent) == {"a", "b"}
