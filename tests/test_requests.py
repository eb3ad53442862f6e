"""What a run costs in requests: of S3 up to its commit and after it, of the market, of the exchange.

Over a network every request is a wait of 10 to 200 ms, so these counts are most of what a run takes before its order.
"""

from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.builders import HOUR, random_klines, ticked
from tests.counted import Requests, counted_world
from tests.past import journal_keys, put_quickly
from trader.cli import main

pytestmark = pytest.mark.slow

TO_COMMIT, AFTER = 12, 10
"""The most storage requests up to and including the completing write of the record, and after it."""

MARKET, EXCHANGE = 3, 5
"""The most requests of one run: two times and the klines; time, rules, balances, price and the order."""

KLINES = {"BTCUSDT": ticked(random_klines(1500, seed=6, price=60000.0))}
MARCH = datetime(2024, 3, 1, tzinfo=UTC)


def lived(counted, open_time) -> Requests:
    """The requests of one run, which has to succeed."""
    return counted.watch(open_time, _run)


def _run():
    assert main(["run", "--json"]) == 0


def check_bounds(seen: Requests) -> None:
    assert len(seen.to_commit) <= TO_COMMIT, f"\n{seen}"
    assert len(seen.after) <= AFTER, f"\n{seen}"
    assert len(seen.market) <= MARKET, f"\n{seen}"
    assert len(seen.exchange) <= EXCHANGE, f"\n{seen}"


def test_a_run_in_steady_state_makes_few_requests_with_an_order_and_without(tmp_path, monkeypatch):
    first = MARCH - 10 * HOUR
    with counted_world(tmp_path, KLINES, first=first) as counted:
        counted.world.enter(monkeypatch)
        runs = [lived(counted, first + hour * HOUR) for hour in range(9)]
    for seen in runs[1:]:
        check_bounds(seen)
    traded = [seen for seen in runs[1:] if seen.order]
    quiet = [seen for seen in runs[1:] if not seen.order]
    assert traded, "no run sent an order"
    assert quiet, "every run sent an order"
    intent = 1
    assert {len(seen.to_commit) for seen in traded} == {len(seen.to_commit) + intent for seen in quiet}, (
        f"\n{traded[0]}"
    )


def test_the_turn_of_a_month_costs_no_more_than_is_allowed(tmp_path, monkeypatch):
    with counted_world(tmp_path, KLINES, first=MARCH - 2 * HOUR) as counted:
        counted.world.enter(monkeypatch)
        runs = {hour: lived(counted, MARCH + hour * HOUR) for hour in range(-2, 3)}
    turn, early = runs[0], runs[1]
    assert [request.status for request in turn.to_commit if "2024-03.parquet" in request.key] == [404], f"\n{turn}"
    months = [request.key for request in early.to_commit if request.key.startswith("klines/")]
    assert len(months) == 3, "the window of an early day has to lie in three files"
    for seen in (turn, early, runs[2]):
        check_bounds(seen)


def test_the_first_run_of_a_month_keeps_the_bounds_when_it_trades(tmp_path, monkeypatch):
    """An operator's `halt` makes it leave its position: the dearest run there is."""
    with counted_world(tmp_path, KLINES, first=MARCH - 2 * HOUR) as counted:
        counted.world.enter(monkeypatch)
        for hour in (-2, -1):
            lived(counted, MARCH + hour * HOUR)
        assert main(["halt", "--why", "to see an order"]) == 0
        seen = lived(counted, MARCH)
    assert seen.order is not None, f"\n{seen}"
    check_bounds(seen)


def test_a_run_with_a_dashboard_keeps_the_bounds_also_at_the_turn_of_a_month(tmp_path, monkeypatch):
    with counted_world(tmp_path, KLINES, first=MARCH - 4 * HOUR) as counted:
        counted.world.enter(monkeypatch)
        monkeypatch.setenv("TRADER__DASHBOARD__ENABLED", "true")
        runs = [lived(counted, MARCH + hour * HOUR) for hour in range(-4, 2)]
    for seen in runs[2:]:  # the first two write the page and the model's
        check_bounds(seen)
    asked = {request.key.split("/")[0] for seen in runs[2:] for request in seen.after}
    assert {"dashboard", "publication", "ledger", "state", "klines"} <= asked


def test_two_years_of_journal_cost_a_run_no_request(tmp_path, monkeypatch):
    with counted_world(tmp_path, KLINES, first=MARCH - 10 * HOUR) as counted:
        counted.world.enter(monkeypatch)
        young = [lived(counted, MARCH + hour * HOUR) for hour in range(-10, -5)][1:]
        past = journal_keys("BTCUSDT", before=MARCH - 10 * HOUR, hours=2 * 365 * 24)
        put_quickly(counted.world.environment["TRADER__STORAGE__URL"], past, b"{}")
        old = [lived(counted, MARCH + hour * HOUR) for hour in range(-5, 0)]
    assert all(_asked(seen) == _asked(young[0]) for seen in (*young, *old)), f"\n{young[0]}\nthen\n{old[-1]}"


def _asked(seen: Requests) -> Counter[tuple[str, str]]:
    """What a run asked of the storage, whichever hour it was and whether there was an order to write down."""
    asked = Counter((each.kind, "journal" if each.key.startswith("journal/") else each.key) for each in seen.storage)
    asked["put", "journal"] -= seen.order is not None
    return asked
