"""Run records to put into a journal: one with everything filled, and short ones for a row of hours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.builders import HOUR, START
from trader.config import Settings
from trader.core.accounting import ExecutionBook, HourReturn
from trader.core.decision import Decision, Reason
from trader.core.journal import Allocation, BotState, Inputs, Leg, Origin, RunKey, RunRecord, Status
from trader.core.orders import ExecutionReport, Fill, NotSent, OrderIntent, OrderStatus, Side
from trader.core.policy import Due, Trigger
from trader.core.risk import Control, ControlMode, Halt
from trader.core.strategy import PaperBook
from trader.core.training import FinishedTraining, TrainingOutcome

FLOATS = (0.1 + 0.2, 1e-17, -0.0, 5e-324, 1.7976931348623157e308, 1 / 3)
AMOUNT = Decimal("1.2300")
NOON = datetime(2024, 1, 31, 12, tzinfo=UTC)


def run_key(open_time: datetime) -> RunKey:
    return RunKey(bot_id="bot", symbol="BTCUSDT", interval="1h", open_time=open_time)


def hourly(open_time: datetime, *, status: Status = Status.COMPLETED, hours: int = 1, **changes) -> RunRecord:
    """A decided hour whose books tell which one it was: the paper book's `hours` and the close are its number."""
    values = {
        "key": run_key(open_time),
        "mode": "demo",
        "origin": Origin.LIVE,
        "status": status,
        "owner": "host:1",
        "started_at": open_time + HOUR,
        "decision": Decision(target=1.0, reason=Reason.LONG),
        "state": BotState(paper=PaperBook(open_time=open_time, close=float(hours), klines=hours, exposure=1.0)),
    }
    return RunRecord(**{**values, **changes})


def full_record(*, floats: tuple[float, ...] = FLOATS, amount: Decimal = AMOUNT, open_time=NOON) -> RunRecord:
    """A record with every optional part filled, with the given numbers in all of them."""
    a, b, c, d, e, f = floats
    rules = Settings(risk={"max_drawdown": 0.25}).rules()
    control = Control(mode=ControlMode.REDUCE, why="a \"quote\", a \\ and 'é'", who="me", at=open_time, sequence=3)
    halt = Halt(at=open_time - HOUR, why="lost too much")
    fill = Fill(price=amount, quantity=amount, commission=Decimal("0E-8"), commission_asset="BNB")
    intent = OrderIntent(
        symbol="BTCUSDT", side=Side.SELL, quantity=amount, client_order_id="t-1", signed_at=START, arrival_price=amount
    )
    report = ExecutionReport(
        client_order_id="t-1",
        order_id=2**53 + 1,
        side=Side.SELL,
        status=OrderStatus.EXPIRED,
        quantity=amount,
        executed=amount,
        fills=(fill, fill),
        at=open_time + timedelta(hours=1, milliseconds=1),
    )
    return RunRecord(
        key=run_key(open_time),
        mode="testnet",
        rules=replace(rules, risk=replace(rules.risk, resume_after=timedelta(hours=5, microseconds=1))),
        notional=amount,
        origin=Origin.REPLAY,
        status=Status.COMPLETED,
        owner="host:1",
        started_at=open_time + timedelta(microseconds=1),
        completed_at=open_time + HOUR,
        versions={"numpy": "2.4.6"},
        inputs=Inputs(
            model_id="20240101T0000-0123456789",
            klines=1000,
            klines_digest="ab" * 32,
            window_start=open_time - 999 * HOUR,
            price=a,
            features={"ma_5": a, "rsi_7": b, "mfi_7": c},
            volatility=d,
            volume_ratio=e,
            p_up=f,
            control=control,
            model_last=open_time - 24 * HOUR,
            trained=FinishedTraining(
                number=7,
                at=open_time - 2 * HOUR,
                model_id="20240101T0000-0123456789",
                outcome=TrainingOutcome.PROMOTED,
            ),
        ),
        settled=(HourReturn(open_time=open_time - HOUR, exposure=a, gross=b, net=c),) * 2,
        marks=(halt,),
        decision=Decision(target=d, reason=Reason.FILTERED),
        trigger=Trigger(cumulative=e, runs=168, due_since=open_time, why="because", due_to=Due.IDLE),
        legs=(Leg(intent=intent, report=report), Leg(intent=intent, refused="-2010")),
        not_sent=NotSent.BELOW_STEP,
        gap=amount,
        missed_from=open_time - 2 * HOUR,
        new_epoch="the account was reset",
        unexplained=("BTC: 1 too many",),
        state=BotState(
            paper=PaperBook(
                open_time=open_time,
                close=a,
                exposure=b,
                change=c,
                gross=d,
                net=e,
                since_resume=f,
                peak=a,
                klines=7,
                round_trips=3,
                window=floats,
                halt=halt,
                control_sequence=3,
                model_id="20240101T0000-0123456789",
                trained_at=open_time,
                due_since=open_time,
                due_to=Due.IDLE,
                idle=5,
                training=7,
            ),
            execution=ExecutionBook(
                target=amount,
                position=-amount,
                cash=amount,
                fees=Decimal("1E+3"),
                other_fees={"BNB": amount},
                carried=amount,
            ),
            allocation=Allocation(base=amount, quote=amount),
            epoch=2,
            opening={"BTC": amount, "USDT": amount},
            last_filled=intent,
        ),
        timings={"execute": a, "commit": b},
        seal="ab" * 32,
    )
