from dataclasses import dataclass

import pytest

from tests.builders import random_klines
from tests.desks import make_desk, with_model
from tests.jobs.notices.rows import FIRST, HOUR, row
from tests.jobs.test_run import run_hours
from trader.core.errors import BadConfig, BadData, Rejected, Retryable
from trader.core.notices import Level, Topic
from trader.jobs.notices import of_failure, of_runs
from trader.store.ledger_rows import row_of


@dataclass
class Before:
    halt: str | None = None
    control: str | None = "run"
    off_target: bool = False
    not_sent: str | None = None


def told(*rows, before=None):
    """The notices of rows, but for that of a completed run."""
    return [
        each
        for each in of_runs(rows, symbol="BTCUSDT", interval="1h", before=before)
        if each.topic is not Topic.RUN_DONE
    ]


def test_a_run_in_which_nothing_happened_is_told_as_done_and_as_nothing_else():
    (done,) = of_runs([row(exposure=1.0, p_up=0.5312, paper_net=0.0123)], symbol="BTCUSDT", interval="1h", before=None)
    assert (done.topic, done.level, done.at) == (Topic.RUN_DONE, Level.SUCCESS, FIRST + HOUR)
    assert done.what == (
        "kline 2026-11-20 16:00 UTC: inside-band, exposure +1.00, p(up) 0.5312, close 60000, net +1.23 % so far"
    )


def test_rows_of_real_runs_can_be_told_also_as_the_ledger_gives_them_back(tmp_path):
    desk = with_model(make_desk(tmp_path, random_klines(1600, seed=5)))
    records = run_hours(desk, 3)
    rows = [dict(row_of(record)) for record in records]
    kept = desk.ledger.read().to_pylist()
    said = of_runs(rows, symbol="BTCUSDT", interval="1h", before=None)
    assert of_runs(kept, symbol="BTCUSDT", interval="1h", before=None) == said
    assert [each.topic for each in said] == [Topic.RUN_DONE]


def test_no_row_is_nothing_to_tell():
    assert of_runs([], symbol="BTCUSDT", interval="1h", before=Before()) == ()


def test_an_absence_names_how_many_klines_and_which():
    (missed,) = told(row(4, missed=5, outcome="missed", reason="unfinished", control=None), row(5))
    assert (missed.topic, missed.level) == (Topic.MISSED, Level.WARNING)
    assert missed.what == ("5 klines of 1h missed, 2026-11-20 16:00 UTC to 2026-11-20 20:00 UTC; the position was held")
    assert "`trader doctor`" in missed.advice


def test_one_late_hour_is_one_kline():
    (missed,) = told(row(missed=1, reason="missed"))
    assert missed.what == "1 kline of 1h missed, 2026-11-20 16:00 UTC; the position was held"


def test_a_halt_is_told_when_it_begins_and_not_while_it_lasts():
    halted = {"halted": True, "halt": "net paper return -0.2010", "limit_reached": 1}
    (begun,) = told(row(0), row(1, **halted), row(2, **halted))
    assert (begun.topic, begun.level, begun.at) == (Topic.HALTED, Level.ERROR, FIRST + 2 * HOUR)
    assert "net paper return -0.2010" in begun.what
    assert '`trader resume --why "..."`' in begun.advice
    assert told(row(3, **halted), before=Before(halt="net paper return -0.2010")) == []
    assert len(told(row(3, **halted), before=Before(halt="drawdown 0.3000"))) == 1


def test_a_halt_goes_on_through_an_absence():
    halted = {"halted": True, "halt": "net paper return -0.2010"}
    gap = row(3, missed=2, control=None, **halted)
    assert [each.topic for each in told(gap, row(4, **halted), before=Before(halt=halted["halt"]))] == [Topic.MISSED]


def test_the_operators_own_halt_is_mere_information_and_told_once():
    said = told(
        row(0), row(1, control="halt"), row(2, control="halt"), row(3, missed=1, control=None), row(4, control="halt")
    )
    assert [(each.topic, each.level) for each in said] == [(Topic.HALTED, Level.INFO), (Topic.MISSED, Level.WARNING)]
    assert told(row(5, control="halt"), before=Before(control="halt")) == []
    assert len(told(row(5, control="halt"), before=None)) == 1


def test_a_new_epoch_is_told_with_its_reason():
    (epoch,) = told(row(epoch=2, new_epoch="the exchange does not know our last order"))
    assert (epoch.topic, epoch.level) == (Topic.EPOCH, Level.WARNING)
    assert epoch.what == "the exchange's account was begun anew (epoch 2): the exchange does not know our last order"


def test_an_account_that_cannot_be_explained_is_told_in_every_run_and_not_twice_in_one():
    wrong = {"unexplained": "USDT: 5 more", "off_target": True, "not_sent": "account-changed"}
    said = told(row(0, **wrong), row(1, **wrong))
    assert [each.topic for each in said] == [Topic.UNEXPLAINED] * 2
    assert said[0].level is Level.ERROR
    assert "USDT: 5 more" in said[0].what


def test_a_position_off_its_target_is_told_from_the_second_run_on():
    off = {"off_target": True, "not_sent": "quote-allocation-exhausted", "position": 0.0005, "target": 0.001}
    (said,) = told(row(0, **off), row(1, **off))
    assert (said.topic, said.level, said.at) == (Topic.EXECUTION_GAP, Level.WARNING, FIRST + 2 * HOUR)
    assert said.what == ("the position is 0.0005 instead of 0.001 for more than one run (quote-allocation-exhausted)")
    assert "sizing.notional" in said.advice
    assert told(row(0, **off), row(1), row(2, **off)) == []
    assert len(told(row(1, **off), before=Before(off_target=True, not_sent="refused-by-exchange"))) == 1


def test_an_absence_in_between_does_not_hide_that_the_position_is_off_its_target():
    off = {"off_target": True, "not_sent": None, "position": 0.0, "target": 0.001}
    said = told(row(0, **off), row(2, missed=2, control=None), row(3, **off))
    assert [each.topic for each in said] == [Topic.MISSED, Topic.EXECUTION_GAP]
    assert said[1].advice == "`trader doctor`"


@pytest.mark.parametrize("dust", ["below-lot-step", "below-min-quantity", "below-min-notional"])
def test_what_is_too_little_for_the_exchange_is_nobodys_business(dust):
    off = {"off_target": True, "not_sent": dust, "position": 0.0, "target": 0.00001}
    assert told(row(0, **off), row(1, **off), before=Before(off_target=True, not_sent=dust)) == []


@pytest.mark.parametrize(
    ("error", "level", "advice"),
    [
        (Retryable("the market did not answer"), Level.WARNING, "the next try may succeed"),
        (BadConfig("bot.mode is wrong"), Level.ERROR, "change what it names"),
        (BadData("klines are damaged"), Level.ERROR, "`trader verify --symbol BTCUSDT`"),
        (Rejected("no such key", code=-2015), Level.ERROR, "`trader doctor` tries key and account"),
        (ZeroDivisionError("division by zero"), Level.ERROR, "this is a bug"),
    ],
)
def test_a_failed_run_says_why_and_what_can_be_done(error, level, advice):
    said = of_failure("BTCUSDT", error, at=FIRST)
    assert (said.topic, said.level, said.symbol, said.at) == (Topic.RUN_FAILED, level, "BTCUSDT", FIRST)
    assert str(error) in said.what
    assert advice in said.advice


def test_a_text_of_somebody_else_becomes_one_printable_line_of_bounded_length():
    said = of_failure("BTCUSDT", BadData("a\nb\x1b[31m\u202e\ud800 <script>{symbol}" + "x" * 5000), at=FIRST)
    assert said.what.startswith("the run failed: a b [31m <script>{symbol}x")
    assert said.what.isprintable()
    assert len(said.what) == 603
