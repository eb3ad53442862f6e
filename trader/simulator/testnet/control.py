"""The door of whoever tests with the server: `/_control/*`, JSON in and out, for clients on this machine only.

GET    state                    clock, symbols, weights, order counts, waiting faults
POST   clock                    {"now": ISO} or {"advance_seconds": n}, forward only; {"ticking": false} stands still
GET    orders                   everything that was ever taken, also before resets; counts by client order id
GET    requests                 the last requests: method, path, parameters (no signature), status, faults
POST   faults                   see faults.py; or one of these, which happen at once:
                                {"kind": "wipe"}, {"kind": "balance", "asset": A, "amount": "-5"},
                                {"kind": "symbol-status", "symbol": S, "status": "HALT"},
                                {"kind": "price-basis", "factor": "1.05"}
DELETE faults                   forget all faults, what they hold back, statuses and the price basis
"""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from trader.core.errors import BadConfig
from trader.core.klines import to_ms
from trader.simulator.testnet.exchange import Answer, Exchange, Request
from trader.simulator.testnet.faults import fault_form
from trader.simulator.testnet.venue import Venue

PREFIX = "/_control/"
_MOMENT = TypeAdapter(AwareDatetime)
_STATUSES = ("TRADING", "HALT", "BREAK")


def control(exchange: Exchange, request: Request) -> Answer:
    """Answer a request to the control door; what cannot be done is a 400 with its reason."""
    doors: Mapping[tuple[str, str], Callable[[], Any]] = {
        ("GET", "state"): lambda: _state(exchange.venue),
        ("POST", "clock"): lambda: _clock(exchange.venue, _content(request)),
        ("GET", "orders"): exchange.venue.history.as_json,
        ("GET", "requests"): lambda: {"requests": list(exchange.log)},
        ("POST", "faults"): lambda: _fault(exchange.venue, _content(request)),
        ("DELETE", "faults"): lambda: _clear(exchange.venue),
    }
    door = doors.get((request.method, request.path.removeprefix(PREFIX)))
    if door is None:
        return _answer(404, {"error": f"{request.method} {request.path}: there is no such door"})
    try:
        with exchange.venue.lock:
            exchange.venue.match_until(exchange.venue.clock.now())
            return _answer(200, door())
    except BadConfig as error:
        return _answer(400, {"error": str(error)})


def _answer(status: int, content: Any) -> Answer:
    return Answer(status=status, body=json.dumps(content))


def _content(request: Request) -> Mapping[str, Any]:
    try:
        content = json.loads(request.body or "{}")
    except ValueError as error:
        raise BadConfig(f"the body is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise BadConfig("the body is not a JSON object")
    return content


def _state(venue: Venue) -> dict[str, Any]:
    now = venue.clock.now()
    now_ms = to_ms(now)
    return {
        "now": now.isoformat(),
        "epoch": venue.history.epoch,
        "price_basis": str(venue.basis),
        "symbols": {
            symbol: {"status": venue.rules(symbol).status, "klines_end": market.end.isoformat()}
            for symbol, market in venue.markets.items()
        },
        "used_weight": {address: venue.limits.used(address, now_ms=now_ms) for address in venue.limits.callers},
        "order_counts": venue.limits.order_counts(now_ms=now_ms),
        "balances": {asset: str(free) for asset, free in venue.account.balances.items()},
        "faults": [
            {
                "id": fault.id,
                "left": fault.left,
                "skip": fault.skip,
                **fault.form.model_dump(mode="json", exclude_defaults=True),
            }
            for fault in venue.faults
        ],
    }


def _clock(venue: Venue, content: Mapping[str, Any]) -> dict[str, Any]:
    if "ticking" in content:
        venue.clock.set_ticking(bool(content["ticking"]))
    try:
        if "now" in content:
            venue.move_clock(_MOMENT.validate_python(content["now"]))
        elif "advance_seconds" in content:
            venue.move_clock(venue.clock.now() + timedelta(seconds=float(content["advance_seconds"])))
    except (ValidationError, ValueError, TypeError, OverflowError):
        raise BadConfig('clock: write {"now": "2024-05-01T00:00:00Z"} or {"advance_seconds": 3600}') from None
    return {"now": venue.clock.now().isoformat()}


def _fault(venue: Venue, content: Mapping[str, Any]) -> dict[str, Any]:
    at_once: Mapping[object, Callable[[Venue, Mapping[str, Any]], None]] = {
        "wipe": lambda venue, _: venue.wipe(),
        "balance": _balance,
        "symbol-status": _symbol_status,
        "price-basis": _price_basis,
    }
    happens = at_once.get(content.get("kind"))
    if happens is None:
        return {"id": venue.faults.add(fault_form(content)).id}
    try:
        happens(venue, content)
    except (KeyError, InvalidOperation) as error:
        raise BadConfig(f"fault {content['kind']}: missing or malformed ({error})") from None
    return {}


def _balance(venue: Venue, content: Mapping[str, Any]) -> None:
    venue.transfer(str(content["asset"]), Decimal(str(content["amount"])))


def _symbol_status(venue: Venue, content: Mapping[str, Any]) -> None:
    symbol, status = content["symbol"], content["status"]
    if symbol not in venue.markets or status not in _STATUSES:
        raise BadConfig(f"symbol-status: {symbol} {status}: use a symbol of here and one of {', '.join(_STATUSES)}")
    venue.statuses[symbol] = status


def _price_basis(venue: Venue, content: Mapping[str, Any]) -> None:
    factor = Decimal(str(content["factor"]))
    if not factor.is_finite() or factor <= 0:
        raise BadConfig(f"price-basis: factor {factor} is not positive; 1 is the market's own price")
    venue.basis = factor


def _clear(venue: Venue) -> dict[str, Any]:
    venue.faults.clear()
    venue.visibility.clear()
    venue.statuses.clear()
    venue.basis = Decimal(1)
    return {}
