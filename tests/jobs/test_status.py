"""Where a symbol stands: its health in a word, everything that is not as it should be, and what to do about each."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.builders import HOUR, random_klines
from tests.desks import FIRST, SYMBOL, make_desk, move_to_run, small_rules, with_model
from trader.core.decision import Decision, Reason
from trader.core.errors import BadData
from trader.core.lifecycle import State
from trader.core.orders import NotSent
from trader.core.risk import ControlMode
from trader.core.training import TrainingOutcome
from trader.jobs.concerns import Health, concerns_of
from trader.jobs.run import run
from trader.jobs.status import status
from trader.jobs.train import train
from trader.ml.drift.report import DriftReport
from trader.store.control import read_control, say
from trader.store.head import Word
from trader.store.publication import Cursor, Problem, Publication, write_publication
from trader.store.training import TrainingLease, TrainingLeases

KLINES = random_klines(1460, seed=5)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(tmp_path):
    """A bot that has done its first run a few seconds ago."""
    desk = with_model(make_desk(tmp_path / "store", KLINES))
    run(desk)
    return desk


def told(desk, **fields):
    """Write down what was told of the symbol."""
    publication = Publication(**{"newest": FIRST, **fields})
    write_publication(desk.bot.storage, publication, symbol=SYMBOL, interval="1h")


def only_concern(desk):
    (concern,) = status(desk).concerns
    assert concern.advice, "who is told of something is told what to do"
    assert status(desk).health is concern.health
    return concern


def test_a_healthy_bot_is_ok_with_nothing_the_matter(desk):
    found = status(desk)
    assert (found.health, found.concerns) == (Health.OK, ())
    paper = found.record.state.paper
    assert (found.books.exposure, found.books.paper_net) == (paper.exposure, paper.net)
    assert found.books.drawdown == paper.peak - paper.since_resume
    assert (found.model.model_id, found.model.last) == (found.champion, FIRST - HOUR)
    assert found.model.age == HOUR + timedelta(seconds=5)
    assert (found.age, found.next_close) == (timedelta(seconds=5), FIRST + 2 * HOUR)


def test_a_bot_that_never_ran_says_so_and_names_the_symbols_that_did(desk, tmp_path):
    assert only_concern(make_desk(tmp_path / "other", KLINES)).health is Health.NEVER_RUN
    stranger = type(desk)(bot=desk.bot, symbol="XYZUSDT")
    concern = only_concern(stranger)
    assert concern.health is Health.NEVER_RUN
    assert concern.what == f"no run yet of XYZUSDT; this store has runs of {SYMBOL}"
    assert "bot.symbols" in concern.advice


@pytest.mark.parametrize(
    ("minutes", "missed"), [(59, None), (74, None), (75, None), (75.01, 1), (134.9, 1), (135.01, 2), (1000, 16)]
)
def test_a_run_is_late_when_its_hour_cannot_be_decided_any_more(desk, minutes, missed):
    # The newest run's kline closed at FIRST + 1 h, the next one closes at + 2 h and may be decided for 15 minutes.
    desk.bot.clock.move_to(FIRST + HOUR + minutes * MINUTE)
    found = status(desk)
    if missed is None:
        assert found.health is Health.OK
        return
    concern = only_concern(desk)
    assert concern.health is Health.LATE
    assert concern.what.endswith(f"klines missed: {missed}")
    assert "scheduler" in concern.advice


def test_a_halt_of_the_operator_is_one_before_and_after_a_run_has_heeded_it(desk):
    say(desk.bot.storage, mode=ControlMode.HALT, why="holidays", who="anna", at=desk.bot.clock.now())
    concern = only_concern(desk)
    assert concern.health is Health.HALTED
    assert concern.what.endswith("UTC: the operator (anna) said halt: holidays; the next run acts on it")
    move_to_run(desk, FIRST + HOUR)
    run(desk)
    assert only_concern(desk).what.endswith("said halt: holidays")


def test_a_reached_limit_is_a_halt_until_a_run_has_heard_the_word(tmp_path):
    desk = with_model(make_desk(tmp_path, KLINES, rules=small_rules(risk={"max_loss": 0.0001})))
    for hour in range(40):
        move_to_run(desk, FIRST + hour * HOUR)
        if run(desk).record.state.paper.halt is not None:
            break
    concern = only_concern(desk)
    assert (concern.health, "is at or below -0.0001" in concern.what) == (Health.HALTED, True)
    assert concern.advice == "`trader resume --why ...` once you know what happened"
    say(desk.bot.storage, mode=ControlMode.RUN, why="seen", who="anna", at=desk.bot.clock.now())
    assert only_concern(desk).advice == "wait for the next run: it resumes"


def test_a_reduced_bot_is_reducing(desk):
    say(desk.bot.storage, mode=ControlMode.REDUCE, why="elections", who="anna", at=desk.bot.clock.now())
    assert only_concern(desk).health is Health.REDUCING


@pytest.mark.parametrize(
    ("change", "health", "says"),
    [
        ({"unexplained": ("BTC: 3 more than our fills explain",)}, Health.NOT_TRADING, "3 more than"),
        ({"decision": Decision(target=0.0, reason=Reason.NO_MODEL)}, Health.NOT_DECIDING, "no model"),
        ({"decision": Decision(target=0.0, reason=Reason.MODEL_EXPIRED)}, Health.NOT_DECIDING, "too old"),
        ({"decision": Decision(target=0.0, reason=Reason.OUT_OF_RANGE)}, Health.NOT_DECIDING, "training range"),
        ({"gap": Decimal("-0.500"), "not_sent": NotSent.NO_BASE}, Health.OFF_TARGET, "0.5 away"),
        ({"gap": Decimal("0.5"), "not_sent": NotSent.BELOW_STEP}, None, ""),
        ({"gap": Decimal("0.5"), "not_sent": None}, None, ""),
        ({"gap": Decimal(0), "not_sent": NotSent.NO_BASE}, None, ""),
    ],
)
def test_what_the_newest_run_could_not_do_is_told(desk, change, health, says):
    record = replace(status(desk).record, **change)
    control, now = read_control(desk.bot.storage), desk.bot.clock.now()
    found = concerns_of(record, control=control, now=now, max_lateness=desk.bot.max_lateness)
    assert [each.health for each in found] == ([] if health is None else [health])
    assert all(says in each.what and each.advice for each in found)


def test_the_most_urgent_matter_is_the_health(desk):
    say(desk.bot.storage, mode=ControlMode.HALT, why="holidays", who="anna", at=desk.bot.clock.now())
    told(desk, problems=(Problem(at=FIRST + 2 * HOUR, where="run", what="the market is closed"),))
    desk.bot.clock.move_to(FIRST + 9 * HOUR)
    assert [each.health for each in status(desk).concerns] == [Health.LATE, Health.FAILING, Health.HALTED]


def test_a_model_that_is_about_to_expire_is_worth_a_look(desk):
    limits = replace(desk.bot.rules.risk, model_max_age=timedelta(hours=1.1))
    old = replace(desk.bot, rules=replace(desk.bot.rules, risk=limits))
    concern = only_concern(type(desk)(bot=old, symbol=SYMBOL))
    assert (concern.health, concern.advice) == (Health.ATTENTION, "`trader train` a new one")


def test_a_challenger_waits_for_a_person_who_is_told_the_command(desk):
    card = train(desk, last=FIRST - 50 * HOUR, why="for a test").card
    word = Word(at=desk.bot.clock.now(), who="a test", why="it won")
    desk.models.registry.nominate(card.model_id, word=word)
    concern = only_concern(desk)
    assert status(desk).training.waiting == (card.model_id,)
    assert f"model {card.model_id} waits for approval" in concern.what
    assert f"`trader models promote {card.model_id} --symbol {SYMBOL} --why ...`" in concern.advice
    assert desk.models.registry.states()[card.model_id] is State.CHALLENGER


def test_a_training_that_is_done_now_and_one_that_has_failed_are_shown(desk):
    leases = TrainingLeases(desk.bot.storage, symbol=SYMBOL, interval="1h")
    leases.write(leases.read(), TrainingLease(owner="somebody:1"))
    assert status(desk).training.owner == "somebody:1"
    assert status(desk).health is Health.OK
    word = Word(at=desk.bot.clock.now(), who="a test", why="x")
    desk.models.registry.note_training("", outcome=TrainingOutcome.FAILED, word=word)
    assert "failed" in only_concern(desk).what


def test_a_tracker_that_does_not_get_its_figures_is_told_until_it_does(desk):
    problem = Problem(at=FIRST + HOUR, where="tracker mlflow", what="refused", advice="start it")
    failing = Cursor(failures=3, failing_since=FIRST, error="refused; start it")
    told(desk, trackers={"mlflow": failing}, problems=(problem,))
    concern = only_concern(desk)
    assert (
        concern.what
        == f"tracker mlflow has failed in 3 runs in a row, since {FIRST:%Y-%m-%d %H:%M} UTC: refused; start it"
    )
    told(desk, trackers={"mlflow": Cursor()}, problems=(problem,))
    assert status(desk).concerns == ()
    assert status(desk).problems == (problem,), "it is still told, as something that was"


def test_only_problems_of_the_newest_run_and_of_the_last_days_rarer_work_are_concerns(desk):
    close = FIRST + HOUR
    told(
        desk,
        problems=(
            Problem(at=close - MINUTE, where="dashboard", what="of the run before"),
            Problem(at=close, where="charts", what="no font"),
            Problem(at=close - 25 * HOUR, where="daily look", what="long ago"),
            Problem(at=close + MINUTE, where="notifier", what="refused", advice="`trader notify --test`"),
            Problem(at=close + 300 * HOUR, where="run", what="of another clock"),
        ),
    )
    assert [each.what.split(": ")[1] for each in status(desk).concerns] == ["no font", "refused"]
    assert status(desk).concerns[1].advice == "`trader notify --test`"


def test_a_run_that_nobody_was_told_of_is_one_once_that_takes_too_long(desk):
    told(desk, newest=FIRST - HOUR)
    assert status(desk).health is Health.OK
    desk.bot.clock.move_to(FIRST + HOUR + 6 * MINUTE)
    assert "nobody was told of the newest run" in only_concern(desk).what


def test_drift_is_told_with_what_to_do(desk):
    report = DriftReport(
        checked_at=FIRST, model_id="x", rows=700, window_days=30, false_alarms_per_year=0.5, alarms=("feature rsi_7",)
    )
    told(desk, drift=report)
    concern = only_concern(desk)
    assert concern.what.endswith("UTC: feature rsi_7")
    assert "trader train" in concern.advice
    told(desk, drift=replace(report, alarms=("skew",)))
    assert "trader verify" in only_concern(desk).advice
    told(desk, drift=replace(report, alarms=()))
    assert status(desk).health is Health.OK


def test_what_cannot_be_read_beside_the_record_is_a_concern_and_the_record_itself_an_error(desk):
    desk.bot.storage.put(f"publication/{SYMBOL}/1h.json", b'{"schema": 99}')
    concern = only_concern(desk)
    assert (concern.health, "schema 99" in concern.what) == (Health.ATTENTION, True)
    desk.bot.storage.put("control.json", b"{")
    with pytest.raises(BadData, match=r"control\.json"):
        status(desk)
