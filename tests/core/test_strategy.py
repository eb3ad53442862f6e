"""One hour of the strategy: what is settled with what, who pays, what stops it and what starts it again."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import HOUR, START
from trader.core.accounting import Costs, HourReturn, cumulative, gross_return, net_return
from trader.core.decision import Decision, DecisionRule, Exit, Reason, Sizing
from trader.core.errors import BadData
from trader.core.performance import evaluate
from trader.core.policy import Due, TriggerPolicy
from trader.core.risk import Control, ControlMode, OnHalt, RiskLimits
from trader.core.strategy import Observation, PaperBook, Rules, advance, settle
from trader.core.training import FinishedTraining, TrainingOutcome

LONG, SHORT, HOLD = 0.9, 0.1, 0.5
NEVER = -1e9


def rules(*, max_loss=0.0, max_drawdown=0.0, on_halt=OnHalt.STOP, resume_after=None, **trigger) -> Rules:
    return Rules(
        decision=DecisionRule(
            band=0.05,
            exit=Exit.OPPOSITE,
            allow_short=True,
            min_volatility=0.0,
            min_volume_ratio=0.0,
            sizing=Sizing.FIXED,
            target_volatility=0.01,
        ),
        costs=Costs(fee_rate=0.001, slippage_rate=0.0),
        risk=RiskLimits(
            max_loss=max_loss,
            max_drawdown=max_drawdown,
            on_halt=on_halt,
            resume_after=resume_after,
            range_margin=0.5,
            model_max_age=timedelta(days=90),
        ),
        trigger=TriggerPolicy(
            **{"window": 3, "threshold": NEVER, "min_runs": 1, "cooldown": timedelta(hours=2), **trigger}
        ),
    )


def at(hour):
    return START + hour * HOUR


def told(mode, sequence):
    return Control(mode=mode, sequence=sequence)


def seen(hour, close, p_up=HOLD, *, blocked=None, control=None, model_id="first", **known):
    return Observation(
        open_time=at(hour),
        close=close,
        p_up=None if blocked else p_up,
        volatility=0.01,
        volume_ratio=1.0,
        blocked=blocked,
        control=control or Control(),
        model_id=model_id,
        **known,
    )


def live(observations, *, rules=rules(), book=None):  # noqa: B008 - frozen
    """One run an hour, each settling the hour before; the steps, one for each observation."""
    steps = []
    book = book or PaperBook()
    for now in observations:
        step = advance(book, closes=[(now.open_time, now.close)], now=now, rules=rules)
        steps.append(step)
        book = step.book
    return steps


def approximately(value):
    return pytest.approx(value, abs=1e-15)


def test_an_hour_is_settled_with_the_exposure_decided_before_it_and_pays_for_that_change():
    first, second, third, fourth = live([seen(0, 100, LONG), seen(1, 110, SHORT), seen(2, 99), seen(3, 99)])
    assert first.settled == ()
    assert (first.decision.target, first.book.change) == (1.0, 1.0)
    assert second.settled == (
        HourReturn(open_time=at(0), exposure=1.0, gross=approximately(0.10), net=approximately(0.099)),
    )
    assert (second.decision.target, second.book.change) == (-1.0, 2.0)
    assert third.settled == (  # 110 -> 99 is -10 %, short; turning changed exposure by 2
        HourReturn(open_time=at(1), exposure=-1.0, gross=approximately(0.10), net=approximately(0.098)),
    )
    assert third.decision == Decision(target=-1.0, reason=Reason.HELD)
    assert fourth.settled == (HourReturn(open_time=at(2), exposure=-1.0, gross=0.0, net=0.0),)
    assert fourth.book.net == approximately(0.197)
    assert fourth.book.gross == approximately(0.20)
    assert fourth.book.klines == 3


def test_what_the_model_says_now_does_not_touch_the_hour_that_is_settled_now():
    outcomes = {p_up: live([seen(0, 100, LONG), seen(1, 110, p_up)])[1] for p_up in (LONG, SHORT, HOLD)}
    assert outcomes[LONG].settled == outcomes[SHORT].settled == outcomes[HOLD].settled
    assert outcomes[LONG].book.net == outcomes[SHORT].book.net


def test_leaving_is_paid_for_by_the_first_hour_that_is_flat():
    out = rules()
    out = replace(out, decision=replace(out.decision, exit=Exit.BAND))
    last = live([seen(0, 100, LONG), seen(1, 100, HOLD), seen(2, 50, HOLD)], rules=out)[-1]
    assert last.settled == (HourReturn(open_time=at(1), exposure=0.0, gross=0.0, net=-0.001),)


def test_several_hours_settled_at_once_charge_the_cost_to_the_first():
    book = live([seen(0, 100, LONG)])[-1].book
    after, settled, _ = settle(book, closes=[(at(1), 110.0), (at(2), 99.0)], rules=rules())
    assert [hour.open_time for hour in settled] == [at(0), at(1)]
    assert [hour.net for hour in settled] == [approximately(0.099), approximately(-0.10)]
    assert (after.open_time, after.close, after.change, after.exposure) == (at(2), 99.0, 0.0, 1.0)


def test_the_first_hour_of_all_settles_nothing():
    assert settle(PaperBook(), closes=[(at(0), 100.0)], rules=rules()) == (PaperBook(), (), ())


def test_an_hour_cannot_be_settled_twice():
    book = live([seen(0, 100, LONG), seen(1, 110)])[-1].book
    with pytest.raises(BadData, match=r"kline 2024-01-01 01:00 was settled before; the state is ahead of the klines"):
        settle(book, closes=[(at(1), 110.0)], rules=rules())
    with pytest.raises(BadData, match=r"kline 2024-01-01 00:00 was settled before"):
        settle(book, closes=[(at(2), 110.0), (at(0), 100.0)], rules=rules())


@pytest.mark.parametrize("closes", [[], [(at(1), 110.0)], [(at(1), 110.0), (at(2), 99.0), (at(3), 99.0)]])
def test_an_hour_is_not_decided_before_everything_up_to_it_is_settled(closes):
    book = live([seen(0, 100, LONG)])[-1].book
    with pytest.raises(BadData, match=r"closes do not end with kline 2024-01-01 02:00"):
        advance(book, closes=closes, now=seen(2, 99), rules=rules())


def test_deciding_the_same_hour_again_is_refused_and_does_not_lose_its_cost():
    book = live([seen(0, 100, LONG)])[-1].book
    with pytest.raises(BadData, match="closes do not end with kline 2024-01-01 00:00"):
        advance(book, closes=[], now=seen(0, 100, LONG), rules=rules())
    with pytest.raises(BadData, match="was settled before"):
        advance(book, closes=[(at(0), 100.0)], now=seen(0, 100, LONG), rules=rules())


def test_no_probability_without_a_reason_stops_the_run():
    now = replace(seen(0, 100), p_up=None)
    with pytest.raises(BadData, match="kline 2024-01-01 00:00: no probability although nothing blocks the decision"):
        advance(PaperBook(), closes=[], now=now, rules=rules())


@pytest.mark.parametrize("reason", [Reason.FILLED_KLINE, Reason.MISSED])
def test_a_filled_or_missed_hour_holds_and_costs_nothing(reason):
    last = live([seen(0, 100, LONG), seen(1, 110, blocked=reason)])[-1]
    assert last.decision == Decision(target=1.0, reason=reason)
    assert last.book.change == 0.0


def test_any_other_block_goes_flat_and_pays_for_it():
    last = live([seen(0, 100, LONG), seen(1, 110, blocked=Reason.NO_MODEL)])[-1]
    assert last.decision == Decision(target=0.0, reason=Reason.NO_MODEL)
    assert last.book.change == 1.0


def test_reducing_lets_a_position_be_left_but_not_turned():
    reduce = told(ControlMode.REDUCE, 1)
    steps = live([seen(0, 100, LONG), seen(1, 100, SHORT, control=reduce), seen(2, 100, LONG, control=reduce)])
    assert [step.decision.target for step in steps] == [1.0, 0.0, 0.0]
    assert steps[1].decision.reason is Reason.REDUCE


def test_a_reached_loss_limit_goes_flat_and_stays_so():
    steps = live([seen(0, 100, LONG), seen(1, 79, LONG), seen(2, 100, LONG)], rules=rules(max_loss=0.20))
    assert steps[1].book.halt is not None
    assert steps[1].book.halt.at == at(1)
    assert steps[1].marks == (steps[1].book.halt,)
    assert [step.decision for step in steps[1:]] == [Decision(target=0.0, reason=Reason.HALTED)] * 2
    assert steps[2].marks == ()  # said once
    assert steps[2].settled[0].net == -0.001  # what going flat cost
    assert steps[2].book.since_resume == approximately(-0.212)


def test_a_marked_limit_starts_anew_and_stops_nothing():
    marking = rules(max_loss=0.20, on_halt=OnHalt.MARK)
    steps = live([seen(0, 100, LONG), seen(1, 79, LONG), seen(2, 60, LONG)], rules=marking)
    assert [len(step.marks) for step in steps] == [0, 1, 1]
    assert [step.decision.target for step in steps] == [1.0, 1.0, 1.0]
    assert steps[1].book.halt is None
    assert steps[1].book.since_resume == 0.0
    assert steps[1].book.net == approximately(-0.211)  # the books forget nothing


def test_a_drawdown_limit_counts_from_the_peak():
    steps = live([seen(0, 100, LONG), seen(1, 130, LONG), seen(2, 110.5, LONG)], rules=rules(max_drawdown=0.15))
    assert steps[1].book.peak == approximately(0.299)
    assert "drawdown 0.1500" in steps[2].marks[0].why
    assert steps[2].decision.reason is Reason.HALTED


def test_a_replay_resumes_after_its_waiting_time():
    waiting = rules(max_loss=0.20, on_halt=OnHalt.RESUME_AFTER, resume_after=timedelta(hours=2))
    hours = [seen(0, 100, LONG), *(seen(hour, 79, LONG) for hour in (1, 2, 3))]
    steps = live(hours, rules=waiting)
    assert [step.decision.target for step in steps] == [1.0, 0.0, 0.0, 1.0]
    assert (steps[3].book.halt, steps[3].book.since_resume) == (None, 0.0)


def test_a_person_resumes_with_a_new_word_and_the_base_starts_anew():
    run = told(ControlMode.RUN, 1)
    halted = [seen(0, 100, LONG), seen(1, 79, LONG), seen(2, 79, LONG)]
    steps = live([*halted, seen(3, 79, LONG, control=run), seen(4, 79, LONG, control=run)], rules=rules(max_loss=0.20))
    assert steps[2].decision.reason is Reason.HALTED
    assert steps[3].decision == Decision(target=1.0, reason=Reason.LONG)
    assert (steps[3].book.since_resume, steps[3].book.peak, steps[3].book.control_sequence) == (0.0, 0.0, 1)
    assert steps[4].book.since_resume == approximately(-0.001)  # the same word is not heard twice


def test_an_old_word_resumes_nothing():
    run = told(ControlMode.RUN, 1)
    hours = [seen(0, 100, LONG, control=run), seen(1, 79, LONG, control=run), seen(2, 79, LONG, control=run)]
    assert live(hours, rules=rules(max_loss=0.20))[-1].decision.reason is Reason.HALTED


def test_a_word_said_before_a_halt_was_reached_cannot_end_it():
    # The operator lifts a reduce at 01:30; the run after 02:00 hears it and finds that the limit was reached.
    reduce, run = told(ControlMode.REDUCE, 1), told(ControlMode.RUN, 2)
    steps = live(
        [seen(0, 100, LONG), seen(1, 100, LONG, control=reduce), seen(2, 79, LONG, control=run)],
        rules=rules(max_loss=0.20),
    )
    assert steps[2].book.halt == steps[2].marks[0]
    assert steps[2].decision == Decision(target=0.0, reason=Reason.HALTED)
    assert steps[2].book.control_sequence == 2


@pytest.mark.parametrize("mode", [ControlMode.HALT, ControlMode.REDUCE])
def test_only_the_word_run_resumes(mode):
    hours = [seen(0, 100, LONG), seen(1, 79, LONG), seen(2, 79, LONG, control=told(mode, 1))]
    last = live(hours, rules=rules(max_loss=0.20))[-1]
    assert last.book.halt is not None
    assert last.decision.target == 0.0
    assert last.book.control_sequence == 1


def test_the_operators_halt_goes_flat_and_run_takes_up_again():
    halt, run = told(ControlMode.HALT, 1), told(ControlMode.RUN, 2)
    steps = live([seen(0, 100, LONG), seen(1, 100, LONG, control=halt), seen(2, 100, LONG, control=run)])
    assert [step.decision.reason for step in steps] == [Reason.LONG, Reason.CONTROL_HALT, Reason.LONG]


LOSING = {"threshold": -0.05, "min_runs": 2, "window": 3}


def test_the_trigger_reads_what_is_settled_by_now_and_stays_due():
    hours = [seen(0, 100, LONG), seen(1, 98, LONG), seen(2, 94, LONG), seen(3, 200, LONG)]
    steps = live(hours, rules=rules(**LOSING))
    assert [step.trigger.runs for step in steps] == [0, 1, 2, 3]
    assert [step.book.due_since for step in steps] == [None, None, at(2), at(2)]
    assert steps[2].trigger.cumulative == approximately(-0.021 + 94 / 98 - 1)


def test_the_trigger_window_keeps_the_newest_hours():
    book = live([seen(hour, 100 + hour, LONG) for hour in range(8)])[-1].book
    assert book.window == tuple(approximately(1 / close) for close in (104, 105, 106))


def test_a_new_model_clears_what_is_due_and_starts_the_cooldown():
    fall = [seen(0, 100, LONG), seen(1, 98, LONG), seen(2, 94, LONG)]
    steps = live(
        [*fall, *(seen(hour, 94 - hour * 5, LONG, model_id="second") for hour in (3, 4, 5))], rules=rules(**LOSING)
    )
    assert (steps[3].book.model_id, steps[3].book.trained_at) == ("second", at(3))
    assert [step.book.due_since for step in steps] == [None, None, at(2), None, None, at(5)]
    assert steps[4].trigger.why == "cooling down until 2024-01-01 05:00 UTC"


def test_an_hour_without_a_model_is_no_training_and_forgets_nothing():
    fall = [seen(0, 100, LONG), seen(1, 98, LONG), seen(2, 94, LONG)]
    steps = live([*fall, seen(3, 94, blocked=Reason.NO_MODEL, model_id=None), seen(4, 94, LONG)], rules=rules(**LOSING))
    assert [step.book.due_since for step in steps[2:]] == [at(2)] * 3
    assert (steps[4].book.model_id, steps[4].book.trained_at) == ("first", None)


def test_the_first_model_of_all_starts_no_cooldown():
    steps = live([seen(0, 100, blocked=Reason.NO_MODEL, model_id=None), seen(1, 100, LONG)])
    assert (steps[1].book.model_id, steps[1].book.trained_at) == ("first", None)


def finished(number, hour, outcome=TrainingOutcome.REJECTED):
    return FinishedTraining(number=number, at=at(hour), model_id="other", outcome=outcome)


FALL = [seen(0, 100, LONG), seen(1, 98, LONG), seen(2, 94, LONG)]


@pytest.mark.parametrize("outcome", [TrainingOutcome.REJECTED, TrainingOutcome.CHALLENGER, TrainingOutcome.PROMOTED])
def test_a_training_that_finishes_ends_what_is_due_whatever_it_came_to_and_starts_the_cooldown(outcome):
    trained = finished(7, 3.5, outcome)
    steps = live(
        [*FALL, *(seen(hour, 94 - hour * 5, LONG, trained=trained) for hour in (3, 4, 5, 6))], rules=rules(**LOSING)
    )
    assert [step.book.due_since for step in steps] == [None, None, at(2), None, None, None, at(6)]
    assert (steps[3].book.training, steps[3].book.trained_at) == (7, at(3.5))
    assert steps[5].trigger.why == "cooling down until 2024-01-01 05:30 UTC"
    assert steps[6].book.training == 7, "one training is seen once"


def test_a_training_that_failed_ends_nothing():
    failed = finished(7, 3, TrainingOutcome.FAILED)
    steps = live([*FALL, seen(3, 94, LONG, trained=failed)], rules=rules(**LOSING))
    assert (steps[3].book.due_since, steps[3].book.training) == (at(2), None)


def test_another_model_by_a_persons_word_ends_nothing_that_is_due():
    known = {"trained": finished(7, -9)}
    fall = [replace(each, trained=known["trained"]) for each in FALL]
    steps = live([*fall, seen(3, 94, LONG, model_id="second", **known)], rules=rules(**LOSING))
    assert (steps[3].book.model_id, steps[3].book.due_since) == ("second", at(2))


def test_a_training_noted_by_a_clock_that_is_far_ahead_is_taken_for_one_that_has_just_finished():
    ahead = finished(1, 24 * 400)
    steps = live([*FALL, seen(3, 94, LONG, trained=ahead)], rules=rules(**LOSING))
    assert steps[-1].book.training == 1
    assert steps[-1].book.trained_at == steps[-1].book.open_time


def test_a_training_that_was_over_before_the_first_run_starts_no_cooldown():
    (step,) = live([seen(0, 100, LONG, trained=finished(7, -1))])
    assert (step.book.training, step.book.trained_at) == (7, None)


def test_a_count_of_trainings_that_begins_anew_is_taken_for_another_training():
    steps = live(
        [*(replace(each, trained=finished(7, -9)) for each in FALL), seen(3, 94, LONG, trained=finished(1, 3))],
        rules=rules(**LOSING),
    )
    assert (steps[3].book.due_since, steps[3].book.training) == (None, 1)


def idle_after(observations, *, max_idle=100, **changes):
    return [step.book.idle for step in live(observations, rules=rules(max_idle=max_idle, **changes))]


def test_hours_in_which_the_model_could_have_taken_a_position_and_has_none_are_idle():
    assert idle_after([seen(hour, 100) for hour in range(3)]) == [1, 2, 3]
    assert idle_after([seen(0, 100), seen(1, 100, LONG), seen(2, 100), seen(3, 100)]) == [1, 0, 0, 0]


@pytest.mark.parametrize("fault", [Reason.MODEL_EXPIRED, Reason.OUT_OF_RANGE])
def test_a_model_that_is_itself_in_the_way_is_idle(fault):
    assert idle_after([seen(0, 100, blocked=fault), seen(1, 100, blocked=fault)]) == [1, 2]


@pytest.mark.parametrize(
    "hour",
    [
        seen(1, 100, blocked=Reason.FILLED_KLINE),
        seen(1, 100, blocked=Reason.MISSED),
        seen(1, 100, blocked=Reason.WARM_UP),
        seen(1, 100, blocked=Reason.NO_MODEL, model_id=None),
        seen(1, 100, control=told(ControlMode.HALT, 1)),
        seen(1, 100, control=told(ControlMode.REDUCE, 1)),
    ],
    ids=lambda hour: str(hour.blocked or hour.control.mode),
)
def test_an_hour_in_which_nobody_may_decide_is_not_idle_and_ends_no_idleness(hour):
    assert idle_after([seen(0, 100), hour, seen(2, 100, control=told(ControlMode.RUN, 2))]) == [1, 1, 2]


def test_a_halted_bot_is_not_idle():
    steps = live([seen(0, 100, LONG), seen(1, 70), seen(2, 70), seen(3, 70)], rules=rules(max_loss=0.2, max_idle=100))
    assert [step.book.idle for step in steps] == [0, 0, 0, 0]
    assert steps[-1].decision.reason is Reason.HALTED


def test_a_training_and_another_model_begin_the_count_of_idle_hours_anew():
    assert idle_after([seen(0, 100), seen(1, 100, model_id="second"), seen(2, 100, model_id="second")]) == [1, 1, 2]
    assert idle_after([seen(0, 100), seen(1, 100), seen(2, 100, trained=finished(1, 2))]) == [1, 2, 1]


def test_another_model_by_a_persons_word_has_not_been_idle():
    known = {"trained": finished(7, -9)}
    hours = [seen(0, 100, **known), seen(1, 100, **known), seen(2, 100, model_id="second", **known)]
    assert idle_after(hours) == [1, 2, 1]


def test_idleness_makes_a_training_due_and_again_after_one_that_changed_nothing():
    trained = finished(1, 3)
    hours = [*(seen(hour, 100) for hour in range(3)), *(seen(hour, 100, trained=trained) for hour in range(3, 8))]
    steps = live(hours, rules=rules(max_idle=3, cooldown=timedelta(hours=2)))
    assert [step.book.due_since for step in steps] == [None, None, at(2), None, None, at(5), at(5), at(5)]
    assert {step.book.due_to for step in steps if step.book.due_since} == {Due.IDLE}


def test_an_expired_model_makes_a_training_due_by_its_age():
    old = seen(0, 100, blocked=Reason.MODEL_EXPIRED, model_last=START - timedelta(days=91))
    (step,) = live([old], rules=rules(max_model_age=timedelta(days=60)))
    assert (step.decision.target, step.trigger.due_to, step.book.due_since) == (0.0, Due.AGE, at(0))


def test_where_no_limit_is_set_the_books_are_those_of_before_there_was_one():
    known = {"model_last": START - timedelta(days=9999)}
    book = live([seen(hour, 100, **known) for hour in range(5)])[-1].book
    assert (book.idle, book.due_to, book.training, book.due_since) == (0, Due.RETURN, None, None)


@pytest.mark.parametrize("on_halt", [OnHalt.STOP, OnHalt.MARK])
@given(
    closes=st.lists(st.floats(50, 150), min_size=2, max_size=40),
    cuts=st.sets(st.integers(1, 40)),
    exposure=st.sampled_from([-1.0, -0.4, 0.4, 1.0]),
)
@settings(deadline=None, derandomize=True)
def test_missed_hours_give_the_same_book_however_they_fall_into_runs(on_halt, closes, cuts, exposure):
    limited = rules(max_loss=0.20, max_drawdown=0.15, on_halt=on_halt)
    start = PaperBook(open_time=at(0), close=100.0, exposure=exposure, change=abs(exposure), model_id="first")
    timeline = [(at(hour), close) for hour, close in enumerate(closes, start=1)]
    ends = sorted({cut for cut in cuts if cut < len(closes)} | {len(closes)})
    book, settled, marks, begin = start, [], [], 0
    for end in ends:
        now = seen(end, closes[end - 1], blocked=Reason.MISSED)
        step = advance(book, closes=timeline[begin:end], now=now, rules=limited)
        book, begin = step.book, end
        settled += step.settled
        marks += step.marks
    assert (book, tuple(settled), tuple(marks)) == settle(start, closes=timeline, rules=limited)


@given(st.integers(0, 1000), st.sampled_from([0.0, 0.05, 0.3]))
@settings(deadline=None, derandomize=True, max_examples=25)
def test_hour_by_hour_is_bit_for_bit_what_arrays_give(seed, filled_share):
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 200)))
    blocks = [Reason.FILLED_KLINE if filled else None for filled in rng.random(200) < filled_share]
    hours = [
        seen(hour, float(close), float(rng.random()), blocked=block)
        for hour, (close, block) in enumerate(zip(closes, blocks, strict=True))
    ]
    steps = live(hours)
    exposure = np.array([step.decision.target for step in steps])
    change = np.abs(np.diff(exposure, prepend=0.0))
    gross = gross_return(exposure=exposure[:-1], close=closes[:-1], next_close=closes[1:])
    net = net_return(gross=gross, change=change[:-1], costs=rules().costs)
    settled = [hour for step in steps for hour in step.settled]
    assert [hour.exposure for hour in settled] == exposure[:-1].tolist()
    assert [hour.gross for hour in settled] == gross.tolist()
    assert [hour.net for hour in settled] == net.tolist()
    assert steps[-1].book.net == cumulative(net)[-1]
    found = evaluate(exposure=exposure[:-1], gross=gross, net=net, interval="1h")
    assert (found.net, found.gross, found.klines) == (steps[-1].book.net, steps[-1].book.gross, steps[-1].book.klines)
    assert steps[-1].book.peak - steps[-1].book.since_resume <= found.max_drawdown
