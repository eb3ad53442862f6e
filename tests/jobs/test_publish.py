"""What follows a commit: it can be told late, twice or not at all, and the run is the same."""

import csv
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import HOUR, random_klines
from tests.desks import FIRST, make_desk, move_to_run, with_model
from trader.bootstrap.outlets import build_outlets
from trader.cli.after_run import drift_of
from trader.config import load_settings
from trader.core.errors import Retryable
from trader.core.notices import Delivered, Topic
from trader.core.tracking import Receipt
from trader.jobs import publish
from trader.jobs.dashboard.scripts import last_argument
from trader.jobs.outlets import NoticeRules, Outlets
from trader.jobs.publish import publish_runs
from trader.jobs.run import Outcome
from trader.jobs.symbols import SymbolRun, run_symbols
from trader.ml.drift.report import DriftReport
from trader.report.dashboard.site import assets
from trader.store.publication import Publication, read_publication, write_publication

KLINES = random_klines(1600, seed=4)
KEY = "publication/BTCUSDT/1h.json"


@pytest.fixture
def desk(tmp_path):
    return with_model(make_desk(tmp_path, KLINES))


class Listener:
    """A tracker that takes the rows it is told to take, and says so."""

    name = "listener"

    def __init__(self, most=10**9, error=""):
        self.most, self.error, self.steps, self.files = most, error, [], {}

    def begin(self):
        self._receipts = []
        return self

    def add(self, dispatch):
        taken = [step for step in dispatch.steps if step.number < self.most]
        self.steps += [(dispatch.run, step.number, step.metrics) for step in taken]
        self.files |= dispatch.files
        sent = taken[-1].number if taken else None
        self._receipts.append(Receipt(run=dispatch.run, run_id="7", sent=sent, error=self.error))

    def finish(self, seconds):
        return tuple(self._receipts)

    @property
    def numbers(self):
        return [number for _, number, _ in self.steps]


class Bell:
    """A notifier that keeps what it was given."""

    def __init__(self, error=""):
        self.rung, self.error = [], error

    def send(self, notices, *, seconds):
        self.rung += notices
        return Delivered(reached=0 if self.error else 1, error=self.error)


def outlets_of(*trackers, **others):
    return Outlets(**{"trackers": trackers, "charts_every": None, "notices": NoticeRules(daily=False), **others})


def live(desk, hour, outlets):
    """Do the run of an hour and tell of it; return the answers."""
    move_to_run(desk, FIRST + hour * HOUR)
    answers = run_symbols(desk.bot)
    publish_runs(desk.bot, answers, outlets=outlets)
    return answers


def told_of(desk) -> Publication:
    return read_publication(desk.bot.storage, symbol="BTCUSDT", interval="1h")


def test_every_row_of_the_ledger_is_told_once_under_its_index(desk):
    listener = Listener()
    for hour in range(4):
        live(desk, hour, outlets_of(listener))
    rows = desk.ledger.read().to_pylist()
    assert listener.numbers == [0, 1, 2, 3]
    assert {run for run, _, _ in listener.steps} == {f"BTCUSDT-1h {rows[0]['model_id']}"}
    for (_, _, metrics), row in zip(listener.steps, rows, strict=True):
        assert metrics["p_up"] == row["p_up"]
        assert metrics["equity/paper_net"] == row["paper_net"]
        assert metrics["execution/fees"] == row["fees"]


def test_a_tracker_that_was_away_gets_what_it_missed_from_a_later_run(desk):
    away, back = Listener(most=2, error="no answer; look at it"), Listener()
    for hour in range(4):
        live(desk, hour, outlets_of(away))
    cursor = told_of(desk).trackers["listener"]
    assert (cursor.step, cursor.failures, cursor.error) == (1, 2, "no answer; look at it")
    live(desk, 4, outlets_of(back))
    assert back.numbers == [2, 3, 4]
    assert told_of(desk).trackers["listener"].failures == 0


def test_a_process_that_was_killed_before_it_told_is_made_up_for_by_the_next_one_of_the_hour(desk):
    listener = Listener()
    move_to_run(desk, FIRST)
    run_symbols(desk.bot)  # and killed
    (again,) = live(desk, 0, outlets_of(listener))
    assert again.outcome is Outcome.ALREADY_DONE
    assert listener.numbers == [0]
    live(desk, 0, outlets_of(listener))
    assert listener.numbers == [0]  # nothing is told a third time


def test_a_problem_is_written_down_once_with_its_newest_time(desk):
    for hour in range(3):
        live(desk, hour, outlets_of(Listener(most=0, error="no answer")))
    (problem,) = told_of(desk).problems
    assert (problem.where, problem.what) == ("tracker listener", "no answer")
    assert problem.at > FIRST + 3 * HOUR


def test_a_problem_that_is_over_is_shown_apart_from_those_that_go_on(desk):
    def shown():
        stored = desk.bot.storage.get("dashboard/data/BTCUSDT-1h/summary.js")
        content = last_argument(stored.data, function="summary", first="BTCUSDT-1h", key="summary.js")
        return {name: [each["what"] for each in json.loads(content)[name]] for name in ("problems", "earlier_problems")}

    live(desk, 0, outlets_of(Listener(most=0, error="no answer"), assets=assets))
    assert shown() == {"problems": ["no answer"], "earlier_problems": []}
    live(desk, 1, outlets_of(Listener(), assets=assets))
    assert shown() == {"problems": [], "earlier_problems": ["no answer"]}


def test_what_cannot_be_used_is_a_problem_of_every_publication(desk):
    live(desk, 0, outlets_of(broken={"tracker mlflow": "it would die with the container; set another"}))
    assert [problem.where for problem in told_of(desk).problems] == ["tracker mlflow"]


@pytest.mark.parametrize("error", [Retryable("the storage was away"), ZeroDivisionError("a bug")])
def test_whatever_fails_in_it_the_run_stands_and_the_rest_is_told(desk, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(publish.dashboard, "bring_forward", fail)
    listener, bell = Listener(), Bell()
    (answer,) = live(desk, 0, outlets_of(listener, notifier=bell, assets=assets, notices=NoticeRules(success=True)))
    assert (answer.outcome, answer.error) == (Outcome.DONE, None)
    assert listener.numbers == [0]
    assert [notice.topic for notice in bell.rung] == [Topic.RUN_DONE]
    (problem,) = told_of(desk).problems
    assert str(error) in problem.what


def test_a_tracker_with_a_bug_in_it_fails_nothing(desk):
    class Broken(Listener):
        def begin(self):
            raise ZeroDivisionError("a bug")

    (answer,) = live(desk, 0, outlets_of(Broken()))
    assert answer.outcome is Outcome.DONE


def test_a_publication_that_is_damaged_begins_anew_and_tells_everything_again(desk):
    listener = Listener()
    live(desk, 0, outlets_of(listener))
    desk.bot.storage.put(KEY, b"{")
    live(desk, 1, outlets_of(listener))
    assert listener.numbers == [0, 0, 1]


def test_a_publication_of_a_newer_version_is_left_alone(desk):
    newer = json.dumps({"schema": 99}).encode()
    desk.bot.storage.put(KEY, newer)
    listener = Listener()
    (answer,) = live(desk, 0, outlets_of(listener))
    assert answer.outcome is Outcome.DONE
    assert listener.numbers == []
    assert desk.bot.storage.get(KEY).data == newer


def test_a_run_that_failed_is_told_once_in_a_while(desk):
    bell = Bell()
    live(desk, 0, outlets_of())
    failed = [SymbolRun(symbol="BTCUSDT", outcome=Outcome.FAILED, error=Retryable("the market did not answer"))]
    for _ in range(3):
        publish_runs(desk.bot, failed, outlets=outlets_of(notifier=bell))
    assert [notice.topic for notice in bell.rung] == [Topic.RUN_FAILED]
    assert [problem.where for problem in told_of(desk).problems] == ["run"]


def test_a_notifier_that_fails_is_a_problem_and_no_more(desk):
    rules = NoticeRules(success=True)
    (answer,) = live(desk, 0, outlets_of(notifier=Bell(error="mailto://: refused"), notices=rules))
    assert answer.outcome is Outcome.DONE
    assert [(each.where, each.what) for each in told_of(desk).problems] == [("notifier", "mailto://: refused")]


def test_what_no_service_took_is_told_with_the_next_run_and_then_never_again(desk):
    rules = NoticeRules(success=True)
    live(desk, 0, outlets_of(notifier=Bell(error="refused"), notices=rules))
    (kept,) = told_of(desk).unsent
    bell = Bell()
    for hour in (1, 2):
        live(desk, hour, outlets_of(notifier=bell, notices=rules))
    assert [notice.at for notice in bell.rung] == [kept.at, kept.at + HOUR, kept.at + 2 * HOUR]


def test_a_tracker_that_has_lost_a_run_is_told_everything_again(desk):
    class Forgetful(Listener):
        run_id = "7"

        def add(self, dispatch):
            super().add(dispatch)
            self._receipts[-1] = replace(self._receipts[-1], run_id=self.run_id)

    listener = Forgetful()
    for hour in range(2):
        live(desk, hour, outlets_of(listener))
    listener.run_id = "8"
    for hour in (2, 3):
        live(desk, hour, outlets_of(listener))
    assert listener.numbers == [0, 1, 2, 0, 1, 2, 3]


def test_the_daily_summary_comes_with_the_first_run_of_a_day_but_not_with_the_very_first(desk):
    bell = Bell()
    outlets = outlets_of(notifier=bell, assets=assets, notices=NoticeRules(daily=True))
    daily = []
    for hour in (0, 1, 24, 25):
        live(desk, hour, outlets)
        daily.append(sum(notice.topic is Topic.DAILY for notice in bell.rung))
    assert daily == [0, 0, 1, 1]


@pytest.mark.slow
@pytest.mark.usefixtures("everything_told")
def test_the_default_outlets_keep_metrics_charts_and_tables_in_a_file_beside_the_store(desk, tmp_path, monkeypatch):
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path))
    monkeypatch.setenv("TRADER__TRACKER__TIMEOUT_SECONDS", "60")
    outlets = build_outlets(load_settings())
    for hour in range(3):
        live(desk, hour, outlets)
    assert told_of(desk).problems == ()
    rows = desk.ledger.read().to_pylist()
    with closing(sqlite3.connect(tmp_path / "tracking" / "mlflow.db")) as database:
        found = database.execute("select step, value from metrics where key = 'p_up' order by step").fetchall()
    assert found == [(step, row["p_up"]) for step, row in enumerate(rows)]
    kept = {path.relative_to(tmp_path).parts[-2:] for path in (tmp_path / "tracking").rglob("*") if path.is_file()}
    assert {("static-img", "equity.png"), ("interactive-img", "equity.html"), ("data", "results.csv")} <= kept
    (table,) = (tmp_path / "tracking").rglob("results.csv")
    kept_rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [float(kept_row["p_up"]) for kept_row in kept_rows] == [rows[0]["p_up"]], "charts and tables: once a day"
    assert (tmp_path / "dashboard" / "index.html").is_file()


def test_outlets_refuse_a_local_file_for_a_store_that_is_not(monkeypatch):
    monkeypatch.setenv("TRADER__STORAGE__URL", "s3://bucket/prefix")
    monkeypatch.setenv("TRADER__TRACKER__KINDS", "mlflow")
    outlets = build_outlets(load_settings())
    assert outlets.trackers == ()
    assert "tracker.mlflow_uri" in outlets.broken["tracker mlflow"]
    monkeypatch.setenv("TRADER__TRACKER__KINDS", "")
    assert build_outlets(load_settings()).broken == {}


@pytest.mark.slow
def test_charts_are_due_by_their_age_alone(desk):
    listener = Listener()
    outlets = outlets_of(listener, assets=assets, charts_every=timedelta(hours=2))
    seen = []
    for hour in range(4):
        listener.files = {}
        live(desk, hour, outlets)
        seen.append("static-img/equity.png" in listener.files)
    assert seen == [True, False, True, False]


def test_drift_speaks_for_a_training_of_the_model_that_it_was_seen_in_and_of_no_later_one(desk):
    (answer,) = live(desk, 0, outlets_of())
    decides = answer.record.inputs.model_id
    for model_id, asked in ((decides, "drift since training: feature ma_5"), ("20200101T0000-0123456789", "")):
        report = DriftReport(
            checked_at=FIRST,
            model_id=model_id,
            rows=720,
            window_days=30,
            false_alarms_per_year=0.5,
            alarms=("feature ma_5",),
        )
        told = replace(told_of(desk), drift=report)
        write_publication(desk.bot.storage, told, symbol="BTCUSDT", interval="1h")
        assert drift_of(desk, answer.record) == asked
