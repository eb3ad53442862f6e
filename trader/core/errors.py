"""What can go wrong, by what the caller can do about it.

TraderError
├── Retryable     the world was not ready (time-out, 5xx, kline late): the same command later may succeed
├── Rejected      the other side understood and said no (an exchange filter, a balance)
├── Conflict      somebody else wrote first (compare-and-swap lost): re-read, or leave it to them
├── BadData       what was read cannot be right: no trade beats a wrong trade
│   └── NewerSchema   it is right, but this version is too old to read it
└── BadConfig     a setting, an argument or the wrong store: a person has to change something

The message names the thing, says what is wrong, and what to do.
"""


class TraderError(Exception):
    """Anything this package raises on purpose."""


class Retryable(TraderError):
    """The world was not ready; trying again later may succeed."""


class Rejected(TraderError):
    """The other side understood the request and refused it.

    `code` is the exchange's own error number, 0 where there is none.
    """

    def __init__(self, message: str, *, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class Conflict(TraderError):
    """A conditional write lost against another writer; nothing was written."""


class BadData(TraderError):
    """What was read cannot be right, is truncated, or comes from a newer version."""


class NewerSchema(BadData):
    """What was read was written by a newer version: it is not damaged, and must not be rebuilt or overwritten."""


class BadConfig(TraderError):
    """A setting, an argument or the chosen store does not fit; a person has to change it."""
