"""Reading a request's parameters: which are known, their characters, and what is said when they do not fit.

Codes and words are those of https://github.com/binance/binance-spot-api-docs/blob/master/errors.md; legal ranges are
the ones that users quote from its messages. What an order's parameters mean together is the matching engine's matter.
"""

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from urllib.parse import parse_qsl

from trader.core.errors import Rejected

ILLEGAL_CHARACTERS = -1100
TOO_MANY = -1101
MISSING = -1102
UNREAD = -1104
EMPTY = -1105
BAD_COMBINATION = -1128
BAD_VALUE = -1130

SIGNED = ("recvWindow", "timestamp", "signature")

_LONG = "^[0-9]{1,20}$"
_DECIMAL = "^([0-9]{1,20})(\\.[0-9]{1,20})?$"
_CLIENT_ORDER_ID = "^[a-zA-Z0-9-_]{1,36}$"
LEGAL: Mapping[str, str] = {
    "symbol": "^[A-Z0-9-_.]{1,20}$",
    "timestamp": _LONG,
    "recvWindow": "^[0-9]{1,6}(\\.[0-9]{1,3})?$",
    "quantity": _DECIMAL,
    "quoteOrderQty": _DECIMAL,
    "price": _DECIMAL,
    "newClientOrderId": _CLIENT_ORDER_ID,
    "origClientOrderId": _CLIENT_ORDER_ID,
    **dict.fromkeys(("orderId", "fromId", "limit", "startTime", "endTime"), _LONG),
}
_PATTERNS = {name: re.compile(text) for name, text in LEGAL.items()}


class Parameters:
    """A request's parameters, read and legal."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str) -> str | None:
        """Return a parameter as sent, None when it was not."""
        return self._values.get(name)

    def needed(self, name: str) -> str:
        """Return a parameter that is mandatory."""
        return self._values[name]

    def number(self, name: str) -> int | None:
        """Return a whole number, None when it was not sent."""
        value = self._values.get(name)
        return None if value is None else int(value)

    def amount(self, name: str) -> Decimal | None:
        """Return a decimal, None when it was not sent."""
        value = self._values.get(name)
        return None if value is None else Decimal(value)

    def limit(self, *, default: int = 500, largest: int = 1000) -> int:
        """Return how many rows are wanted. Raises Rejected, -1130, for none or too many."""
        value = self.number("limit")
        if value is None:
            return default
        if not 0 < value <= largest:
            raise invalid("limit")
        return value

    def choice(self, name: str, allowed: Iterable[str], *, default: str) -> str:
        """Return one of the allowed words. Raises Rejected, -1130, for another."""
        value = self._values.get(name, default)
        if value not in allowed:
            raise invalid(name)
        return value

    def flag(self, name: str) -> bool:
        """Return whether a parameter is `true`; it is `false` when it was not sent."""
        return self.choice(name, ("true", "false"), default="false") == "true"

    def names(self, name: str) -> list[str] | None:
        """Return a JSON list of symbols, None when it was not sent. Raises Rejected, -1100, when it is not one."""
        text = self._values.get(name)
        if text is None:
            return None
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, list) or not found or not all(isinstance(part, str) for part in found):
            legal = '^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$'
            raise illegal(name, legal)
        return found


def read_parameters(*, query: str, body: str, required: tuple[str, ...], optional: tuple[str, ...]) -> Parameters:
    """Return what was sent, the query string winning over the body.

    Raises Rejected for a parameter that is missing, empty, repeated, illegal, or that the endpoint does not know.
    """
    sent: dict[str, str] = {}
    for part in (body, query):
        pairs = parse_qsl(part, keep_blank_values=True)
        if len({name for name, _ in pairs}) < len(pairs):
            raise Rejected("Duplicate values for a parameter detected.", code=TOO_MANY)
        sent.update(pairs)
    known = (*required, *optional)
    if sent and not known:
        raise Rejected(f"Too many parameters; expected '0' and received '{len(sent)}'.", code=TOO_MANY)
    for name in required:
        if name not in sent:
            raise missing(name)
    for name, value in sent.items():
        _check(name, value)
    read = sum(name in known for name in sent)
    if read < len(sent):
        message = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(sent)}'."
        raise Rejected(message, code=UNREAD)
    return Parameters(sent)


def missing(name: str) -> Rejected:
    """Return the refusal of a request without a mandatory parameter."""
    return Rejected(f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.", code=MISSING)


def either_missing(first: str, second: str) -> Rejected:
    """Return the refusal of a request that has neither of two parameters."""
    return Rejected(f"Param '{first}' or '{second}' must be sent, but both were empty/null!", code=MISSING)


def illegal(name: str, legal: str) -> Rejected:
    """Return the refusal of a parameter with characters that it may not have."""
    message = f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    return Rejected(message, code=ILLEGAL_CHARACTERS)


def invalid(name: str) -> Rejected:
    """Return the refusal of a value that a parameter may not have."""
    return Rejected(f"Data sent for parameter '{name}' is not valid.", code=BAD_VALUE)


def bad_combination() -> Rejected:
    """Return the refusal of optional parameters that do not go together."""
    return Rejected("Combination of optional parameters invalid.", code=BAD_COMBINATION)


def _check(name: str, value: str) -> None:
    if not value:
        raise Rejected(f"Parameter '{name}' was empty.", code=EMPTY)
    pattern = _PATTERNS.get(name)
    if pattern is not None and not pattern.fullmatch(value):
        raise illegal(name, LEGAL[name])
