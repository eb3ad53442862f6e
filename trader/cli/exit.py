"""Exit codes: what a scheduler, or a person, should do next.

0    done, already done, or in progress elsewhere
1    a bug: the traceback is meant for its author
2    the command line itself is wrong
3    configuration: a setting, an argument or the store has to be changed by a person
4    data: something that was read cannot be right; nothing was decided on it
5    refused: the other side understood and said no
75   not now: the market, the exchange or the storage was not ready; the same command later may succeed
130  interrupted; what was committed stays
143  told to terminate; what was committed stays
"""

from trader.core.errors import BadConfig, BadData, Conflict, Rejected, Retryable, TraderError

_CODES: dict[type[TraderError], int] = {BadConfig: 3, BadData: 4, Rejected: 5, Retryable: 75, Conflict: 75}
INTERRUPTED = 130
TERMINATED = 143
_LATER = 75


def exit_code(error: TraderError) -> int:
    """Return the exit code of an error."""
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), 1)


def worst(errors: list[TraderError]) -> int:
    """Return the code of the error that most needs a person: "not now" only when nothing else went wrong."""
    codes = [exit_code(error) for error in errors]
    return max((code for code in codes if code != _LATER), default=max(codes, default=0))
