"""The receive window of an order is written down before it is sent: another process may have to wait it out."""

from datetime import timedelta

from tests.builders import random_klines
from tests.desks import FIRST, make_desk, with_model
from tests.jobs.test_run import replace_bot
from trader.jobs.run import run

WINDOW = timedelta(milliseconds=12_345)


class Windowed:
    """The simulated exchange as if it looked at timestamps; `sent` are the orders that reached it."""

    window = WINDOW

    def __init__(self, real):
        self._real = real
        self.sent = []

    def __getattr__(self, name):
        return getattr(self._real, name)

    def submit(self, intent):
        self.sent.append(intent)
        return self._real.submit(intent)


def test_an_order_is_written_down_with_the_senders_window(tmp_path):
    desk = with_model(make_desk(tmp_path, random_klines(1460, seed=6)))
    exchange = Windowed(desk.bot.exchange)
    run(replace_bot(desk, exchange=exchange))
    (leg,) = desk.journal.read(FIRST).record.legs
    assert leg.intent.window == WINDOW
    assert exchange.sent == [leg.intent]
