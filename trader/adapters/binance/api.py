"""The requests that need care: reads with retries, signed reads, and the one request that sends an order.

The library stamps a request when it is called and overwrites the receive window. An order must bear the time that was
written down with it, so requests are signed here, over exactly what is sent, and given to the library as plain ones.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from trader.adapters.binance import weights as weigh
from trader.adapters.binance.answers import understood
from trader.adapters.binance.client import Connection
from trader.adapters.binance.refusals import OUTSIDE_WINDOW, NoAnswer, judge_order
from trader.adapters.binance.server_time import ServerTime
from trader.core.errors import Rejected, Retryable
from trader.core.klines import from_ms, to_ms
from trader.ports import Clock

Answer = TypeVar("Answer")

_PAUSES = (0.3, 1.0)
"""Seconds before a read is repeated that got no answer; after the last it is given up."""

_MILLISECOND = timedelta(milliseconds=1)


class Api:
    """One venue's API with a key, for any number of threads."""

    def __init__(self, connection: Connection, *, host: Clock, recv_window: timedelta) -> None:
        self._connection = connection
        self._host = host
        self._recv_window = recv_window
        self._time = ServerTime(self._ask_time, host=host)

    def now(self) -> datetime:
        """Return the server's time, wrong by at most half the round trip of the last question."""
        return self._patiently(self._time.now)

    def earliest(self) -> datetime:
        """Ask anew and return a time that the server's clock has certainly reached."""
        return self._patiently(self._time.earliest)

    def read(self, what: str, path: str, parameters: Mapping[str, str], *, weight: int) -> Any:
        """Return the answer to an unsigned GET, repeated when none comes."""
        return self._patiently(
            lambda: self._connection.ask(
                what,
                lambda client: client._get(path, data=dict(parameters)),  # noqa: SLF001 - has what the methods lack
                weight=weight,
            )
        )

    def read_signed(self, what: str, path: str, parameters: Mapping[str, str], *, weight: int) -> Any:
        """Return the answer to a signed GET, stamped anew each time it is repeated.

        Raises Retryable, naming the clock, when the server refuses the time although it was just asked for it.
        """
        try:
            return self._patiently(lambda: self._read_signed_once(what, path, parameters, weight=weight))
        except Rejected as error:
            if error.code != OUTSIDE_WINDOW:
                raise
            self._time.forget()
        try:
            return self._patiently(lambda: self._read_signed_once(what, path, parameters, weight=weight))
        except Rejected as error:
            if error.code != OUTSIDE_WINDOW:
                raise
            self._time.forget()
            raise Retryable(
                f"{error}; the clock was set by the server just before: the network is too slow for a receive window"
                f" of {self._recv_window // _MILLISECOND} ms, or this machine's clock jumps"
            ) from error

    def send_order(self, what: str, parameters: Mapping[str, str], *, stamped: datetime, window: timedelta) -> Any:
        """Send a new order in one POST that bears this time and window, and return the answer. It is never repeated.

        Raises HeldBack when nothing was sent, Rejected or BadConfig when the order was certainly not taken, any other
        Retryable when that is unknown.
        """
        signed = {**parameters, **_window(stamped, window)}

        def post(client: Any) -> Any:
            # A body is encoded when it is sent, and with it the signature.
            signed["signature"] = client._generate_signature(signed, uri_encode=False)  # noqa: SLF001
            return client._post("order", data=signed)  # noqa: SLF001

        try:
            return self._connection.ask(what, post, weight=weigh.NEW_ORDER, is_order=True, judge=judge_order)
        except Rejected as error:
            if error.code == OUTSIDE_WINDOW:
                self._time.forget()
            raise

    def _read_signed_once(self, what: str, path: str, parameters: Mapping[str, str], *, weight: int) -> Any:
        signed = {**parameters, **_window(self._time.now(), self._recv_window)}

        def get(client: Any) -> Any:
            signed["signature"] = client._generate_signature(signed)  # noqa: SLF001 - encoded, as a URL needs it
            return client._get(path, data=signed)  # noqa: SLF001

        return self._connection.ask(what, get, weight=weight)

    def _ask_time(self) -> datetime:
        what = "the server's time"
        answer = self._connection.ask(what, lambda client: client.get_server_time(), weight=weigh.TIME)
        with understood(self._connection.base_url, what):
            return from_ms(int(answer["serverTime"]))

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        for pause in _PAUSES:
            try:
                return ask()
            except NoAnswer:
                self._host.sleep(pause)
        return ask()


def _window(stamped: datetime, window: timedelta) -> dict[str, str]:
    return {"timestamp": str(to_ms(stamped)), "recvWindow": str(window // _MILLISECOND)}
