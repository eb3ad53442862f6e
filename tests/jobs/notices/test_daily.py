from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trader.core.klines import to_ms
from trader.core.notices import Level, Topic
from trader.jobs.notices import daily
from trader.report.summary.model import Curves, Now, Summary, Totals
from trader.store.publication import Problem

NOW = datetime(2026, 11, 21, 0, 0, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
HOUR = timedelta(hours=1)
FLAT = Now(
    open_time=MIDNIGHT - HOUR,
    outcome="decided",
    reason="inside-band",
    exposure=0.0,
    p_up=0.5,
    close=1.0,
    model_id="m",
    halt=None,
    control="run",
    trigger_sum=None,
    due_to=None,
    epoch=1,
    position=0.0,
    target=0.0,
    off_target=False,
    unexplained=None,
    not_sent=None,
    training=None,
    training_outcome=None,
)


def summary(*, exposure, net, last=MIDNIGHT - HOUR, **changes) -> Summary:
    """A summary whose newest runs have these exposures and cumulative returns, one an hour."""
    count = len(exposure)
    times = tuple(to_ms(last - (count - 1 - number) * HOUR) for number in range(count))
    given = {
        "bot_id": "b",
        "mode": "demo",
        "symbol": "BTCUSDT",
        "interval": "1h",
        "notional": 1000.0,
        "fee_rate": 0.001,
        "slippage_rate": 0.0,
        "first": datetime(2026, 1, 5, tzinfo=UTC),
        "first_close": 1.0,
        "now": FLAT,
        "totals": Totals(net=0.04, max_drawdown=0.021, round_trips=9, orders=40, fees=12.345),
        "curves": Curves(time=times, exposure=tuple(exposure), net=tuple(net)),
    }
    return Summary(**given | changes)


def test_yesterday_the_month_and_everything_are_in_one_line():
    # 26 hours: the last two of the day before (long), then 24 of yesterday: long, long, 10 x flat, 12 x short
    exposure = [1.0, 1.0, 1.0, 1.0, *[0.0] * 10, *[-1.0] * 12]
    net = [0.010, 0.020, 0.030, 0.040, *[0.050] * 10, *[0.035] * 12]
    notice = daily(summary(exposure=exposure, net=net), now=NOW)
    assert (notice.topic, notice.level, notice.symbol, notice.at) == (Topic.DAILY, Level.INFO, "BTCUSDT", NOW)
    assert notice.what == (
        "2026-11-20: +1.50 % net in 1 round trip, exposed 58% of 24 runs; 30 days: +3.50 % net in 1 round trip;"
        " since 2026-01-05: +4.00 % net (fee 10 bp, slippage 0 bp a side) in 9 round trips (fewer than 30 round trips:"
        " NO EVIDENCE), largest drawdown -2.10 %, 40 orders, fees 12.35;"
        " now flat; no problems"
    )
    assert notice.advice == ""


def test_the_costs_are_those_that_were_charged_and_enough_round_trips_need_no_word():
    traded = Totals(gross=0.05, net=0.03, turnover=40.0, round_trips=30)
    what = daily(summary(exposure=[0.0], net=[0.0], totals=traded), now=NOW).what
    said = "charged 5.0 bp a side on average; the settings now say fee 10 bp, slippage 0 bp a side"
    assert f"+3.00 % net ({said}) in 30 round trips, largest" in what


def test_what_today_has_brought_already_is_not_counted():
    exposure, net = [1.0] * 24 + [0.0], [0.01] * 24 + [0.99]
    what = daily(summary(exposure=exposure, net=net, last=MIDNIGHT), now=NOW).what
    assert what.startswith("2026-11-20: +1.00 % net in 0 round trips, exposed 100% of 24 runs")


def test_a_position_of_the_day_before_that_is_left_is_a_round_trip_of_the_day():
    exposure, net = [1.0, *[0.0] * 24], [0.0] * 25
    assert daily(summary(exposure=exposure, net=net), now=NOW).what.startswith(
        "2026-11-20: +0.00 % net in 1 round trip,"
    )


def test_a_day_without_a_run_says_so():
    old = summary(exposure=[1.0, 0.0], net=[0.01, 0.02], last=MIDNIGHT - timedelta(days=40))
    what = daily(old, now=NOW).what
    assert what.startswith("2026-11-20: no run; 30 days: no run; since 2026-01-05")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"exposure": 1.0}, "now long +1.00;"),
        ({"exposure": -0.5, "due_to": "return"}, "now short -0.50, training due (return);"),
        ({"halt": "lost too much"}, "now HALTED (lost too much);"),
    ],
)
def test_it_ends_with_where_the_bot_stands(changes, says):
    found = summary(exposure=[0.0], net=[0.0])
    assert says in daily(replace(found, now=replace(FLAT, **changes)), now=NOW).what


def test_problems_since_yesterday_are_counted_and_the_newest_is_named():
    problems = [
        Problem(at=MIDNIGHT - 25 * HOUR, where="old", what="too old"),
        Problem(at=MIDNIGHT - 24 * HOUR, where="notifier", what="no answer"),
        Problem(at=MIDNIGHT, where="tracker mlflow", what="away"),
    ]
    notice = daily(summary(exposure=[0.0], net=[0.0]), now=NOW, problems=problems)
    assert notice.what.endswith("; 2 problems, the newest: tracker mlflow: away")
    assert notice.level is Level.WARNING
    assert "`trader status`" in notice.advice
