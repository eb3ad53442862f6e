"""Who may ask: API keys, signatures and the age of a request (rest-api.md, "SIGNED Endpoint security").

The signed text is the query string and the body exactly as sent, one after the other without anything between, less
the signature itself.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import unquote_plus

from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa

from trader.core.errors import BadConfig, Rejected

BAD_KEY_FORMAT = -2014
REJECTED_KEY = -2015
INVALID_SIGNATURE = -1022
INVALID_TIMESTAMP = -1021
BAD_WINDOW = -1131

DEFAULT_WINDOW_MS = Decimal(5000)
LONGEST_WINDOW_MS = Decimal(60000)
_EARLIEST_MS = 1000
_KEY_LENGTH = 64
_KEY_PATTERN = re.compile(rf"[A-Za-z0-9]{{{_KEY_LENGTH}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key and what proves its possession: a secret (HMAC SHA256), or a public key in PEM (Ed25519)."""

    key: str
    secret: str = field(default="", repr=False)
    public_key: str = ""


def new_secret_key() -> ApiKey:
    """Return a fresh HMAC key."""
    return ApiKey(key=random_text(_KEY_LENGTH), secret=random_text(_KEY_LENGTH))


def new_public_key(pem: str) -> ApiKey:
    """Return a key for an Ed25519 public key. Raises BadConfig when the text is not one."""
    try:
        curve = ECC.import_key(pem).curve
    except (ValueError, IndexError, TypeError):
        raise BadConfig("the public key is not one in PEM; write it with `openssl pkey -pubout`") from None
    if curve != "Ed25519" or "PRIVATE" in pem:
        raise BadConfig(
            "the public key is not an Ed25519 public key; make one with `openssl genpkey -algorithm ed25519`"
        )
    return ApiKey(key=random_text(_KEY_LENGTH), public_key=pem)


def random_text(length: int) -> str:
    """Return random letters and digits."""
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(length))


def known_key(name: str | None, keys: Sequence[ApiKey]) -> ApiKey:
    """Return the key of the X-MBX-APIKEY header. Raises Rejected, -2014 or -2015, when it is none of ours."""
    if name is None or not _KEY_PATTERN.fullmatch(name):
        raise Rejected("API-key format invalid.", code=BAD_KEY_FORMAT)
    found = next((key for key in keys if hmac.compare_digest(key.key, name)), None)
    if found is None:
        raise Rejected("Invalid API-key, IP, or permissions for action.", code=REJECTED_KEY)
    return found


def check_signature(key: ApiKey, *, query: str, body: str) -> None:
    """Raise Rejected, -1022, unless the request was signed with the key."""
    unsigned, signatures = "", []
    for part in (query, body):
        pieces = part.split("&")
        signatures += [piece.removeprefix("signature=") for piece in pieces if piece.startswith("signature=")]
        unsigned += "&".join(piece for piece in pieces if not piece.startswith("signature="))
    signature = unquote_plus(signatures[0]).replace(" ", "+") if signatures else ""
    fits = _fits_public_key if key.public_key else _fits_secret
    if not fits(key, unsigned.encode(), signature):
        raise Rejected("Signature for this request is not valid.", code=INVALID_SIGNATURE)


def window_of(text: str | None) -> Decimal:
    """Return recvWindow in milliseconds. Raises Rejected, -1131, when it is longer than a minute."""
    window = DEFAULT_WINDOW_MS if text is None else Decimal(text)
    if window > LONGEST_WINDOW_MS:
        raise Rejected("'recvWindow' must be less than 60000.", code=BAD_WINDOW)
    return window


def check_arrival(timestamp: int, *, now_ms: int, window: Decimal) -> None:
    """Raise Rejected, -1021, unless timestamp < now + 1000 and now - timestamp <= recvWindow ("Timing security")."""
    if timestamp >= now_ms + _EARLIEST_MS:
        raise Rejected("Timestamp for this request was 1000ms ahead of the server's time.", code=INVALID_TIMESTAMP)
    check_age(timestamp, now_ms=now_ms, window=window)


def check_age(timestamp: int, *, now_ms: int, window: Decimal) -> None:
    """Raise Rejected, -1021, when a request has become too old; looked at once more just before matching."""
    if now_ms - timestamp > window:
        raise Rejected("Timestamp for this request is outside of the recvWindow.", code=INVALID_TIMESTAMP)


def _fits_secret(key: ApiKey, text: bytes, signature: str) -> bool:
    expected = hmac.new(key.secret.encode(), text, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.lower().encode())  # "not case sensitive"


def _fits_public_key(key: ApiKey, text: bytes, signature: str) -> bool:
    try:
        eddsa.new(ECC.import_key(key.public_key), "rfc8032").verify(text, base64.b64decode(signature, validate=True))
    except (ValueError, binascii.Error):
        return False
    return True
