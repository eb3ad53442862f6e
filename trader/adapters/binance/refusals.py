"""What Binance's refusals mean, by status and code: for a read, and for an order that was sent.

https://github.com/binance/binance-spot-api-docs/blob/master/errors.md and rest-api.md, "HTTP Return Codes".

For an order everything turns on one question: is it *certain* that it was not taken? It is for what is looked at
before the matching engine (limits, firewall, keys, parameters, filters) and for what the engine refused. It is not for
5xx whatever the body says ("the execution status is UNKNOWN"), for the codes of a server that lost track of a request,
and for an answer that is not Binance's at all. Unknown is always and only Retryable.
"""

from dataclasses import dataclass
from http import HTTPStatus

from trader.core.errors import BadConfig, Rejected, Retryable, TraderError

TOO_MANY_REQUESTS = -1003
OUTSIDE_WINDOW = -1021
NO_SUCH_ORDER = -2013
ORDER_ARCHIVED = -2026

_BAD_SYMBOL, _BAD_INTERVAL = -1121, -1120
_REFUSED_BY_ENGINE = -2010
_DUPLICATE = "Duplicate order sent"
_UNAUTHORIZED = (-1002, -1022, -2014, -2015)
_LOST_TRACK = (-1000, -1001, -1006, -1007, -1008, -1016)
"""Unknown, disconnected, unexpected response, time-out, busy, shutting down: nothing says what became of a request."""

_LIMITED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.IM_A_TEAPOT)
_CHECK_KEY = "check the API key, its secret, its permissions and the addresses it may be used from"
_GEO_BLOCK = "Binance does not serve this place (US addresses, and clouds' us regions); run in another region"


class NoAnswer(Retryable):
    """Nothing usable came back although nobody refused: for a read it is worth asking again at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer other than 2xx. `code` is Binance's, 0 when the body is not in Binance's shape.

    `said` tells for people who answered what; `wait` is how many seconds the answer asks to wait.
    """

    status: int
    code: int
    message: str
    said: str
    wait: int


def judge_read(refusal: Refusal) -> TraderError:
    """Return the error that a refused read means."""
    status, code = refusal.status, refusal.code
    meanings: tuple[tuple[bool, type[TraderError], str], ...] = (
        (code == _BAD_SYMBOL, BadConfig, "this is not a symbol there; write it as Binance does, e.g. BTCUSDT"),
        (code == _BAD_INTERVAL, BadConfig, "choose another interval"),
        (status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS, BadConfig, _GEO_BLOCK),
        (status == HTTPStatus.FORBIDDEN, Retryable, "its firewall holds requests back; wait, and send fewer"),
        (status in _LIMITED or code == TOO_MANY_REQUESTS, Retryable, f"try again after {refusal.wait} seconds"),
        (status >= HTTPStatus.INTERNAL_SERVER_ERROR, NoAnswer, "try again later"),
        (status == HTTPStatus.REQUEST_TIMEOUT or code in _LOST_TRACK, NoAnswer, "try again later"),
        (code in _UNAUTHORIZED, BadConfig, _CHECK_KEY),
        (status == HTTPStatus.NOT_FOUND, BadConfig, "check the URL"),
        (status < HTTPStatus.BAD_REQUEST, BadConfig, "redirects are not followed; check the URL"),
    )
    for applies, kind, advice in meanings:
        if applies:
            return kind(f"{refusal.said}; {advice}")
    return Rejected(f"{refusal.said}; check the request", code=code)


def judge_order(refusal: Refusal) -> TraderError:
    """Return the error that a refused order means: Retryable when it is not certain that the order was not taken."""
    status, code = refusal.status, refusal.code
    if status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
        return BadConfig(f"{refusal.said}; {_GEO_BLOCK}")
    if status in _LIMITED:
        advice = f"no order was taken; try again after {refusal.wait} seconds"
        return Rejected(f"{refusal.said}; {advice}", code=code or TOO_MANY_REQUESTS)
    if status == HTTPStatus.FORBIDDEN and code not in _UNAUTHORIZED:
        return Rejected(f"{refusal.said}; its firewall held the order back, send fewer requests", code=code)
    if _is_unknown(refusal):
        return Retryable(f"{refusal.said}; whether the order was taken is unknown, look it up")
    if code in _UNAUTHORIZED:
        return BadConfig(f"{refusal.said}; no order was taken; {_CHECK_KEY}")
    return Rejected(f"{refusal.said}; no order was taken", code=code)


def _is_unknown(refusal: Refusal) -> bool:
    is_ours = HTTPStatus.BAD_REQUEST <= refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR
    is_open = refusal.code == _REFUSED_BY_ENGINE and _DUPLICATE in refusal.message
    return (
        not is_ours
        or refusal.status == HTTPStatus.REQUEST_TIMEOUT
        or refusal.code >= 0
        or refusal.code in _LOST_TRACK
        or is_open
    )
