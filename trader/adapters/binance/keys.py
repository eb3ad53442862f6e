"""What requests are signed with: an API key, and a secret (HMAC SHA256) or an Ed25519 private key."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trader.core.errors import BadConfig

_PEM = "-----BEGIN"
_QUOTES = "\"'`"
_PLACEHOLDER = re.compile(
    r"<.*>|\$?\{.*\}|your[-_ ].*|(change|replace|fill)[-_ ]?(me|this|in)|placeholder|todo|x{3,}|\.{3}|none|null",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A key with exactly one of `api_secret` and `private_key` (PEM); none of it is ever shown."""

    api_key: str = field(repr=False)
    api_secret: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)

    def scrubbed(self, text: str) -> str:
        """Return a text without any of it."""
        lines = (self.private_key or "").splitlines()
        for secret in (self.api_key, self.api_secret, *(line for line in lines if not line.startswith("-----"))):
            text = text.replace(secret, "***") if secret else text
        return text

    def signing_key(self) -> Any:
        """Return the private key as the library signs with it. Raises BadConfig when it is not an Ed25519 key.

        The library itself takes every PEM of more than 120 characters for RSA, an Ed25519 key with Windows line
        endings among them.
        """
        from Crypto.PublicKey import ECC  # noqa: PLC0415 - python-binance brings it, and only who signs so needs it

        try:
            key = ECC.import_key(self.private_key or "")
        except (ValueError, IndexError, TypeError):
            key = None
        if key is None or key.curve != "Ed25519" or not key.has_private():
            raise BadConfig(
                "the private key is not an Ed25519 key in PEM without a pass phrase;"
                " make one with `openssl genpkey -algorithm ed25519`"
            )
        return key


def read_credentials(*, api_key: str, api_secret: str | None, private_key: Path | str | None) -> Credentials:
    """Return what to sign with; `private_key` is a PEM text or the path of one.

    Raises BadConfig when there is not exactly one way to sign, or when a key cannot be one.
    """
    _check_copied(api_key, what="the API key (exchange.api_key)")
    _check_copied(api_secret or "", what="the API secret (exchange.api_secret)")
    if not api_key.isascii() or not api_key.isalnum():
        raise BadConfig("the API key is not one: it has letters and digits only; copy it again, without blanks")
    if bool(api_secret) == bool(private_key):
        raise BadConfig("requests are signed with an API secret or with a private key: set exactly one of them")
    if api_secret:
        if not api_secret.isascii() or not api_secret.isprintable() or " " in api_secret:
            raise BadConfig("the API secret is not one: it has blanks or line ends in it; copy it again")
        return Credentials(api_key=api_key, api_secret=api_secret)
    credentials = Credentials(api_key=api_key, private_key=_pem(private_key or ""))
    credentials.signing_key()
    return credentials


def _check_copied(value: str, *, what: str) -> None:
    """Refuse with BadConfig what came with something around it, or was never filled in; the value is not told."""
    wrong = ""
    if value != value.strip():
        wrong = "a blank or a line end is around it; store it again without (printf '%s' writes no line end, echo does)"
    elif value[:1] in _QUOTES and value:
        wrong = "a quotation mark is around it; store it again without, as the venue shows it"
    elif _PLACEHOLDER.fullmatch(value):
        wrong = "it is a placeholder; store the one that the venue shows in its stead"
    if wrong:
        raise BadConfig(f"{what} is not one: {wrong}")


def _pem(private_key: Path | str) -> str:
    if str(private_key).lstrip().startswith(_PEM):
        return str(private_key).strip()
    path = Path(private_key).expanduser()
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        raise BadConfig(f"the private key {path} cannot be read ({type(error).__name__}); check the path") from None
