"""What a request goes through: the log, scripted faults, limits, parameters, security, and then its endpoint.

The order is Binance's as far as it is known: key, parameters, age, signature, and once more the age just before
matching (rest-api.md, "Timing security"). Everything that is refused is an error code with an HTTP status.
"""

import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from trader.core.errors import Rejected
from trader.core.klines import from_ms
from trader.simulator.testnet import security
from trader.simulator.testnet.faults import FaultForm, Reply, of_kind
from trader.simulator.testnet.limits import Throttled
from trader.simulator.testnet.marketdata import RawJson
from trader.simulator.testnet.params import read_parameters
from trader.simulator.testnet.routes import ENDPOINTS, Endpoint
from trader.simulator.testnet.trading import Call
from trader.simulator.testnet.venue import Venue

_STATUSES = {security.BAD_KEY_FORMAT: 401, security.REJECTED_KEY: 401}
"""HTTP status by error code; 400 for all others."""

_LOGGED = 2000
_NOT_FOUND = (
    "<html><head><title>404 Not Found</title></head><body><center><h1>404 Not Found</h1></center></body></html>"
)
_NOT_ALLOWED = "<html><head><title>405 Not Allowed</title></head><body><h1>405 Not Allowed</h1></body></html>"
JSON = "application/json;charset=UTF-8"
HTML = "text/html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came; query and body exactly as sent."""

    method: str
    path: str
    query: str = ""
    body: str = ""
    api_key: str | None = None
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent back."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = JSON


class Exchange:
    """Answers requests; None is a connection that is closed without an answer. `stopping` ends all waiting."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.stopping = threading.Event()
        self.log: deque[dict[str, Any]] = deque(maxlen=_LOGGED)

    def answer(self, request: Request) -> Answer | None:
        """Return the answer, after everything that is scripted for the request has happened."""
        sent = _sent(request)
        arrived_ms = self.venue.clock.now_ms()
        with self.venue.lock:
            faults = self.venue.faults.take(method=request.method, path=request.path, sent=sent)
        entry = _logged(request, sent, faults, arrived_ms=arrived_ms)
        self.log.append(entry)  # now: an answer that hangs may never come
        answer = self._scripted(request, sent, faults, arrived_ms=arrived_ms)
        entry["status"] = None if answer is None else answer.status
        return answer

    def _scripted(
        self, request: Request, sent: Mapping[str, str], faults: list[FaultForm], *, arrived_ms: int
    ) -> Answer | None:
        lost = of_kind(faults, "hang", "drop")
        error = of_kind(faults, "error")
        is_executed = (lost is None or lost.accept) and (error is None or error.accept)
        answer = self._true(request, sent, faults, arrived_ms=arrived_ms) if is_executed else None
        if error is not None:
            answer = _canned(error.reply, {} if answer is None else answer.headers)
        if lost is not None and lost.kind == "hang":
            self.stopping.wait(lost.seconds)
            if lost.seconds is not None and not self.stopping.is_set():
                late = self.venue.clock.now_ms()
                return answer or self._true(request, sent, faults, arrived_ms=late)
        return None if lost is not None else answer

    def _true(self, request: Request, sent: Mapping[str, str], faults: list[FaultForm], *, arrived_ms: int) -> Answer:
        """Return what the exchange answers when nothing comes between."""
        endpoint, refusal = _route(request)
        if endpoint is None:
            return refusal
        venue, address = self.venue, request.address
        weight = endpoint.weight(sent)
        is_done = False
        try:
            with venue.lock:
                venue.limits.use(address, weight, now_ms=arrived_ms)
            answer = Answer(status=200, body=self._executed(endpoint, request, faults, arrived_ms=arrived_ms))
            is_done = True
        except Throttled as error:
            answer = _refused(error, error.status)
            if error.retry_after is not None:
                answer = replace(answer, headers={"Retry-After": str(error.retry_after)})
        except Rejected as error:
            answer = _refused(error, _STATUSES.get(error.code, 400))
        with venue.lock:
            if is_done and endpoint.is_free_on_success:
                venue.limits.give_back(address, weight, now_ms=arrived_ms)
            headers = _usage(venue, address, now_ms=arrived_ms, with_orders=is_done and endpoint.counts_orders)
        return replace(answer, headers={**headers, **answer.headers})

    def _executed(self, endpoint: Endpoint, request: Request, faults: list[FaultForm], *, arrived_ms: int) -> str:
        """Return the endpoint's answer as JSON. Raises Rejected."""
        body = "" if request.method == "GET" else request.body
        if endpoint.is_signed:
            key = security.known_key(request.api_key, self.venue.keys)
        parameters = read_parameters(
            query=request.query, body=body, required=endpoint.required, optional=endpoint.optional
        )
        if endpoint.is_signed:
            window = security.window_of(parameters.text("recvWindow"))
            timestamp = int(parameters.needed("timestamp"))
            security.check_arrival(timestamp, now_ms=arrived_ms, window=window)
            security.check_signature(key, query=request.query, body=request.body)
        self._delay(faults, arrived_ms=arrived_ms)
        with self.venue.lock:
            now_ms = self.venue.clock.now_ms()
            if endpoint.is_signed:
                security.check_age(timestamp, now_ms=now_ms, window=window)
            call = Call(parameters=parameters, now=from_ms(now_ms), faults=faults)
            found = endpoint.answer(self.venue, call)
        return found.text if isinstance(found, RawJson) else json.dumps(found, separators=(",", ":"))

    def _delay(self, faults: list[FaultForm], *, arrived_ms: int) -> None:
        """Let the time pass that is scripted between a request's arrival and its processing."""
        delay = of_kind(faults, "delay")
        if delay is None:
            return
        until = arrived_ms + int((delay.seconds or 0) * 1000)
        if delay.move:
            with self.venue.lock:
                self.venue.move_clock(from_ms(max(until, self.venue.clock.now_ms())))
        else:
            self.venue.clock.wait_until(until, stop=self.stopping)


def _route(request: Request) -> tuple[Endpoint | None, Answer]:
    methods = ENDPOINTS.get(request.path)
    if methods is None:
        return None, Answer(status=404, body=_NOT_FOUND, kind=HTML)
    return methods.get(request.method), Answer(status=405, body=_NOT_ALLOWED, kind=HTML)


def _usage(venue: Venue, address: str, *, now_ms: int, with_orders: bool) -> dict[str, str]:
    """Return the headers that say what has been used up."""
    used = str(venue.limits.used(address, now_ms=now_ms))
    headers = {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}
    if with_orders:
        counts = venue.limits.order_counts(now_ms=now_ms)
        headers |= {f"X-MBX-ORDER-COUNT-{name}": str(count) for name, count in counts.items()}
    return headers


def _sent(request: Request) -> dict[str, str]:
    """Return everything that looks like a parameter, for the log, weights and faults."""
    pairs = (*parse_qsl(request.body, keep_blank_values=True), *parse_qsl(request.query, keep_blank_values=True))
    return dict(pairs)


def _logged(request: Request, sent: Mapping[str, str], faults: list[FaultForm], *, arrived_ms: int) -> dict[str, Any]:
    """Return what the log says of a request; its status comes with the answer."""
    safe = {name: value for name, value in sent.items() if name != "signature"}
    return {
        "at": arrived_ms,
        "method": request.method,
        "path": request.path,
        "query": urlencode(safe),
        "status": None,
        "faults": [fault.kind for fault in faults],
    }


def _refused(error: Rejected, status: int) -> Answer:
    return Answer(status=status, body=json.dumps({"code": error.code, "msg": str(error)}, separators=(",", ":")))


def _canned(reply: Reply, headers: Mapping[str, str]) -> Answer:
    """Return a scripted answer; the headers of the true one stay."""
    body = reply.body
    kind = HTML if body is not None and not body.startswith(("[", "{")) else JSON
    if body is None:
        body = json.dumps({"code": reply.code, "msg": reply.message}, separators=(",", ":"))
    wait = {} if reply.retry_after is None else {"Retry-After": str(reply.retry_after)}
    return Answer(status=reply.status, body=body, headers={**headers, **wait}, kind=kind)
