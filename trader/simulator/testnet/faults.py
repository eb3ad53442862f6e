"""Scripted faults: what goes wrong, with which request, how often.

A fault waits for a request that it matches and is used up by it. Those that concern the answer come with
`accept`: true when the request shall be executed first and only its answer is lost or replaced.

    error        the answer is replaced: an error's name in ERRORS, or status, code, message, body, retry_after
    hang         the answer comes after `seconds` (machine time), or never without it; a request that is not accepted
                 before is looked at only then
    drop         the connection is closed without an answer
    delay        `seconds` (server time) pass between the arrival and the last look at the timestamp;
                 with `move` the clock is moved that far, otherwise the request waits for it
    partial      at most `fill` of the order is filled at once
    order-lag    the placed order is not found for `seconds` (server time) or `queries`
    trades-lag   the placed order's trades after the first `keep` are not listed for `seconds` or `queries`
    stuck-new    the placed order looks NEW and unfilled for `queries`
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trader.core.errors import BadConfig

_WAF = "<html><head><title>403 Forbidden</title></head><body><center><h1>403 Forbidden</h1></center></body></html>"
_GATEWAY = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
_RESTRICTED = (
    "Service unavailable from a restricted location according to 'b. Eligibility' in "
    "https://www.binance.com/en/terms. Please contact customer service if you believe you received this message in "
    "error."
)
_TIMEOUT = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
_UNEXPECTED = "An unexpected response was received from the message bus. Execution status unknown."
_BUSY = "Server is currently overloaded with other requests. Please try again in a few minutes."


class Match(BaseModel):
    """Which requests a fault is for; what is not given fits everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str | None = None
    path: str | None = None
    symbol: str | None = None
    client_order_id: str | None = None


class Reply(BaseModel):
    """An answer that is given instead of the true one; `body` wins over code and message."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: int = Field(default=500, ge=200, le=599)
    code: int = -1000
    message: str = "An unknown error occurred while processing the request."
    body: str | None = None
    retry_after: int | None = None


ERRORS: Mapping[str, Reply] = {
    "unknown": Reply(),
    "unexpected": Reply(status=500, code=-1006, message=_UNEXPECTED),
    "timeout": Reply(status=504, code=-1007, message=_TIMEOUT),
    "busy": Reply(status=503, code=-1008, message=_BUSY),
    "bad-gateway": Reply(status=502, body=_GATEWAY.format("502 Bad Gateway")),
    "unavailable": Reply(status=503, body=_GATEWAY.format("503 Service Temporarily Unavailable")),
    "gateway-timeout": Reply(status=504, body=_GATEWAY.format("504 Gateway Time-out")),
    "waf": Reply(status=403, body=_WAF),
    "geo-block": Reply(status=451, code=0, message=_RESTRICTED),
    "not-json": Reply(status=200, body="<html><body>Scheduled maintenance</body></html>"),
    "empty": Reply(status=200, body=""),
    "list": Reply(status=400, body='["unexpected"]'),
    "bad-timestamp": Reply(status=400, code=-1021, message="Timestamp for this request is outside of the recvWindow."),
    "bad-key": Reply(status=401, code=-2015, message="Invalid API-key, IP, or permissions for action."),
    "too-many-orders": Reply(
        status=429, code=-1015, message="Too many new orders; current limit is 50 orders per 10 SECOND."
    ),
    "too-many-requests": Reply(
        status=429,
        code=-1003,
        message="Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use "
        "WebSocket Streams for live updates to avoid polling the API.",
        retry_after=30,
    ),
    "banned": Reply(
        status=418,
        code=-1003,
        message="Way too much request weight used; IP banned until 0. Please use WebSocket Streams for live updates "
        "to avoid bans.",
        retry_after=120,
    ),
}
"""Answers by name; what is given beside the name changes parts of it."""

KINDS = ("error", "hang", "drop", "delay", "partial", "order-lag", "trades-lag", "stuck-new")


class FaultForm(BaseModel):
    """A fault as it is asked for; `times` 0 lasts until it is deleted, `skip` requests pass before it begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    match: Match = Match()
    times: int = Field(default=1, ge=0)
    skip: int = Field(default=0, ge=0)
    accept: bool = False
    error: str = "unknown"
    status: int | None = None
    code: int | None = None
    message: str | None = None
    body: str | None = None
    retry_after: int | None = None
    seconds: float | None = Field(default=None, ge=0)
    queries: int = Field(default=0, ge=0)
    keep: int = Field(default=0, ge=0)
    fill: Decimal = Field(default=Decimal(0), ge=0)
    move: bool = False

    @property
    def reply(self) -> Reply:
        """The answer of an `error`."""
        given = {name: getattr(self, name) for name in Reply.model_fields if getattr(self, name) is not None}
        return ERRORS[self.error].model_copy(update=given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that waits; `left` None is for ever."""

    id: int
    form: FaultForm
    left: int | None
    skip: int


class Faults:
    """The faults that wait, oldest first; not thread-safe, the venue's lock is around it."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._ids = itertools.count(1)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._waiting)

    def add(self, form: FaultForm) -> Fault:
        """Let a fault wait for its request."""
        fault = Fault(id=next(self._ids), form=form, left=form.times or None, skip=form.skip)
        self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults."""
        self._waiting = []

    def take(self, *, method: str, path: str, sent: Mapping[str, str]) -> list[FaultForm]:
        """Return the faults of a request, at most one of each kind, and use them up."""
        taken: dict[str, FaultForm] = {}
        waiting = []
        for fault in self._waiting:
            kind = fault.form.kind
            after: Fault | None = fault
            if kind not in taken and _fits(fault.form.match, method=method, path=path, sent=sent):
                if fault.skip:
                    after = replace(fault, skip=fault.skip - 1)
                else:
                    taken[kind] = fault.form
                    after = None if fault.left == 1 else replace(fault, left=fault.left and fault.left - 1)
            if after is not None:
                waiting.append(after)
        self._waiting = waiting
        return list(taken.values())


def fault_form(content: Mapping[str, Any]) -> FaultForm:
    """Return a fault from its JSON. Raises BadConfig, naming what is wrong."""
    try:
        form = FaultForm.model_validate(content)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise BadConfig(f"fault: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from error
    if form.kind not in KINDS:
        raise BadConfig(f"fault: kind {form.kind!r} is unknown; use one of {', '.join(KINDS)}")
    if form.error not in ERRORS:
        raise BadConfig(f"fault: error {form.error!r} is unknown; use one of {', '.join(ERRORS)}")
    if form.kind == "delay" and form.seconds is None:
        raise BadConfig("fault: a delay needs its seconds")
    if form.kind in ("order-lag", "trades-lag", "stuck-new") and form.seconds is None and not form.queries:
        raise BadConfig(f"fault: {form.kind} needs its seconds or queries, otherwise nothing is held back")
    return form


def of_kind(faults: Iterable[FaultForm], *kinds: str) -> FaultForm | None:
    """Return the first fault of one of these kinds."""
    return next((fault for fault in faults if fault.kind in kinds), None)


def _fits(match: Match, *, method: str, path: str, sent: Mapping[str, str]) -> bool:
    identity = sent.get("newClientOrderId") or sent.get("origClientOrderId")
    return (
        match.method in (None, method)
        and match.path in (None, path)
        and match.symbol in (None, sent.get("symbol"))
        and match.client_order_id in (None, identity)
    )
