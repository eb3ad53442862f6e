"""An account on one of Binance's test venues: balances, market orders, and what became of them.

Sending an order is one POST that is never repeated. It bears the time that was written down with it, and the exchange
refuses it when it arrives later than the receive window: that, and nothing here, is what stops an owner that was frozen
before sending. Whatever leaves its outcome open is Retryable, and `settle` finds out.

When an order is absent. Binance takes an order while `serverTime - timestamp <= recvWindow`, and looks again just
before matching; that it also takes timestamps up to 1 s ahead of its clock only opens the door earlier. So once the
server's time has passed `signed_at + window`, nothing that bears `signed_at` can be taken any more. What was
taken until then may be unknown to queries for a while (they are answered from memory, then a database): that is `lag`.
An order is absent when a query that was sent after both says "no such order". The server's time is asked for just
before that query, and taken for its earliest possible value.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from trader.adapters.binance import answers
from trader.adapters.binance import weights as weigh
from trader.adapters.binance.answers import understood
from trader.adapters.binance.api import Api
from trader.adapters.binance.client import TIMEOUT, Connection
from trader.adapters.binance.keys import read_credentials
from trader.adapters.binance.refusals import NO_SUCH_ORDER, ORDER_ARCHIVED, TOO_MANY_REQUESTS
from trader.adapters.binance.rules import parse_rules
from trader.adapters.binance.venues import check_venue
from trader.adapters.binance.weights import HeldBack, Weights, weights_of
from trader.core.errors import BadConfig, BadData, Rejected, Retryable
from trader.core.klines import from_ms, to_ms
from trader.core.orders import ZERO, ExecutionReport, Fill, OrderIntent, OrderStatus, SymbolRules
from trader.ports import Clock

_LONGEST_WINDOW = timedelta(minutes=1)
_MILLISECOND = timedelta(milliseconds=1)
_AHEAD = timedelta(seconds=1)
"""How far ahead of the server's clock a timestamp may be to be taken at all."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 2.0
_PAGE = 1000
"""The most trades that one request gives."""


class BinanceExchange:
    """Market orders on a test venue, for any number of threads.

    Raises BadConfig for any other place, and for a key that cannot be one or that the venue does not accept; Retryable
    when it does not answer or limits the rate; BadData for an answer that cannot be right.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str,
        api_secret: str | None,
        private_key: Path | str | None,
        host: Clock,
        recv_window: timedelta,
        lag: timedelta,
        timeout: tuple[float, float] = TIMEOUT,
        weights: Weights | None = None,
    ) -> None:
        self._base_url = check_venue(base_url)
        if not _MILLISECOND <= recv_window <= _LONGEST_WINDOW or lag < timedelta(0):
            raise BadConfig(
                f"receive window {recv_window}, lag {lag}: the window is at most a minute, no lag is below 0"
            )
        self._host, self._lag = host, lag
        self._recv_window = recv_window // _MILLISECOND * _MILLISECOND
        self._weights = weights or weights_of(self._base_url)
        connection = Connection(
            self._base_url,
            weights=self._weights,
            timeout=timeout,
            credentials=read_credentials(api_key=api_key, api_secret=api_secret, private_key=private_key),
        )
        self._api = Api(connection, host=host, recv_window=self._recv_window)
        self._rules: dict[str, SymbolRules] = {}

    def __repr__(self) -> str:
        return f"BinanceExchange({self._base_url!r})"

    @property
    def window(self) -> timedelta:
        """How long after it was signed a request is still taken."""
        return self._recv_window

    def now(self) -> datetime:
        """Return the server's time, wrong by half a round trip at most; the server is asked every ten minutes."""
        return self._api.now()

    def rules(self, symbol: str) -> SymbolRules:
        """Return the symbol's trading rules, asked for once in the life of this object: a run is short."""
        if symbol not in self._rules:
            answer = self._api.read(symbol, "exchangeInfo", {"symbol": symbol}, weight=weigh.EXCHANGE_INFO)
            with understood(self._base_url, symbol):
                self._weights.learn(answer.get("rateLimits"))
                self._rules[symbol] = parse_rules(answer, symbol=symbol)
        return self._rules[symbol]

    def price(self, symbol: str) -> Decimal:
        """Return the middle of this venue's book, its last price when a side of the book is empty."""
        ask = {"symbol": symbol}
        answer = self._api.read(symbol, "ticker/bookTicker", ask, weight=weigh.TICKER)
        with understood(self._base_url, symbol):
            price = answers.book_price(answer)
        if price is None:
            answer = self._api.read(symbol, "ticker/price", ask, weight=weigh.TICKER)
            with understood(self._base_url, symbol):
                price = answers.last_price(answer)
        return price

    def balances(self) -> Mapping[str, Decimal]:
        """Return the free amount of each asset that is not zero."""
        what = "the account"
        answer = self._api.read_signed(what, "account", {"omitZeroBalances": "true"}, weight=weigh.ACCOUNT)
        with understood(self._base_url, what):
            return answers.balances(answer)

    def submit(self, intent: OrderIntent) -> ExecutionReport:
        """Send a market order in one request, stamped with the intent's time, and return what became of it.

        Raises Rejected or BadConfig when it was certainly not taken and never will be, Retryable when that is unknown.
        A rate limit (429, 418) and the firewall (403) answer before the matching engine: Rejected. So is an order that
        was held back here because the venue had asked for a pause, with the code -1003.
        """
        what = f"order {intent.client_order_id}"
        try:
            answer = self._api.send_order(
                what, _parameters(intent), stamped=intent.signed_at, window=intent.window or self._recv_window
            )
        except HeldBack as error:
            raise Rejected(f"{what} was not sent: {error}", code=TOO_MANY_REQUESTS) from error
        try:
            with understood(self._base_url, what):
                state = answers.order_state(answer, intent=intent, at="transactTime")
                return answers.report(state, intent=intent, fills=answers.fills(answer["fills"]))
        except BadData as error:
            raise Retryable(f"{error}; whether the order was taken is unknown, look it up") from error

    def settle(self, intent: OrderIntent) -> ExecutionReport | None:
        """Return what became of an order, None only when it was not taken and never will be; waits for that.

        It waits at most for the receive window and the lag. An order that was archived (over 90 days old, cancelled or
        expired with nothing executed) is reported as EXPIRED with the order id 0, which the exchange does not tell.
        Raises Retryable as long as nothing is certain, BadData when another order bears this id.
        """
        try:
            answer = self._look_up(intent)
            if answer is None:
                answer = self._look_until_too_late(intent)
            return None if answer is None else self._completed(intent, answer)
        except Rejected as error:
            if error.code == ORDER_ARCHIVED:
                return _archived(intent)
            if error.code == 0:  # not in Binance's shape: whatever stands between has refused, not the exchange
                raise Retryable(f"{error}; the order's outcome stays unknown, try again later") from error
            raise BadData(f"{error}; the order's outcome cannot be learnt this way") from error

    def _look_up(self, intent: OrderIntent) -> Mapping[str, Any] | None:
        """Return the order as a query shows it, None when the exchange says that there is none."""
        what = f"order {intent.client_order_id}"
        ask = {"symbol": intent.symbol, "origClientOrderId": intent.client_order_id}
        try:
            answer = self._api.read_signed(what, "order", ask, weight=weigh.ORDER)
        except Rejected as error:
            if error.code == NO_SUCH_ORDER:
                return None
            raise
        if not isinstance(answer, dict):  # `null` above all must not be taken for "no such order"
            raise BadData(f"{self._base_url} answered unexpectedly for {what} ({str(answer)[:80]!r}); check the URL")
        return answer

    def _look_until_too_late(self, intent: OrderIntent) -> Mapping[str, Any] | None:
        """Return the order as soon as it is found, None when it is too late for it ever to be."""
        # A time in milliseconds may be up to one behind the clock it was read from.
        window = max(intent.window, self._recv_window)
        too_late = from_ms(to_ms(intent.signed_at)) + window + self._lag + _MILLISECOND
        longest = window + self._lag + _AHEAD
        for _ in self._rounds(longest):
            left = too_late - self._api.earliest()
            answer = self._look_up(intent)
            if answer is not None or left <= timedelta(0):
                return answer
            if left > longest + _AHEAD:
                break
        raise Retryable(
            f"{self._base_url} does not know order {intent.client_order_id}, and may still take it until"
            f" {too_late.isoformat()} of its own time; try again after that"
        )

    def _completed(self, intent: OrderIntent, answer: Mapping[str, Any]) -> ExecutionReport:
        """Return the report of an order that was found, once it is over and its trades are listed."""
        what = f"order {intent.client_order_id}"
        seen = "it is not over"
        for attempt, _ in enumerate(self._rounds(self._lag)):
            shown = answer if attempt == 0 else self._look_up(intent)
            if shown is None:  # another of the venue's servers, one that lags
                continue
            with understood(self._base_url, what):
                state = answers.order_state(shown, intent=intent, at="time")
            if not state.status.is_final:
                seen = f"it is {state.status}"
                continue
            fills = self._fills(intent, state)
            filled = sum((fill.quantity for fill in fills), ZERO)
            if filled >= state.executed:
                with understood(self._base_url, what):
                    return answers.report(state, intent=intent, fills=fills)
            seen = f"{filled} of {state.executed} are among its trades"
        raise Retryable(f"{self._base_url} has {what}, but {seen} yet; try again later")

    def _fills(self, intent: OrderIntent, state: answers.OrderState) -> tuple[Fill, ...]:
        """Return the trades of an order, as far as they are listed; an order's answer does not hold them."""
        if state.executed == 0:
            return ()
        what = f"the trades of order {intent.client_order_id}"
        fills: tuple[Fill, ...] = ()
        ask = {"symbol": intent.symbol, "orderId": str(state.order_id), "limit": str(_PAGE)}
        while True:
            rows = self._api.read_signed(what, "myTrades", ask, weight=weigh.TRADES)
            with understood(self._base_url, what):
                ids = answers.trade_ids(rows, order_id=state.order_id)
                fills += answers.fills(rows)
            if len(ids) < _PAGE:
                return fills
            ask["fromId"] = str(max(ids) + 1)

    def _rounds(self, longest: timedelta) -> Iterator[None]:
        """Yield at once, and again after growing pauses until this time is over."""
        give_up = self._host.monotonic() + longest.total_seconds()
        pause = _FIRST_PAUSE
        yield
        while (left := give_up - self._host.monotonic()) > 0:
            self._host.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)
            yield


def _parameters(intent: OrderIntent) -> dict[str, str]:
    return {
        "symbol": intent.symbol,
        "side": intent.side.value,
        "type": "MARKET",
        "quantity": format(intent.quantity, "f"),
        "newClientOrderId": intent.client_order_id,
        "newOrderRespType": "FULL",
    }


def _archived(intent: OrderIntent) -> ExecutionReport:
    return ExecutionReport(
        client_order_id=intent.client_order_id,
        order_id=0,
        side=intent.side,
        status=OrderStatus.EXPIRED,
        quantity=intent.quantity,
        executed=ZERO,
        fills=(),
        at=intent.signed_at,
    )
