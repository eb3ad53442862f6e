"""What a Neptune client raises, in our words and in one line: what is wrong, and what to do about it.

Its own texts fill pages. There are two clients with the same classes in different packages, so classes go by name.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from trader.core.errors import BadConfig, Rejected, Retryable, TraderError

LATER = "what is missing is sent by a later run; see that the server runs"
_PROJECT = "set tracker.neptune_project or NEPTUNE_PROJECT to workspace/project as the server shows it"
_VERSIONS = "its version and the client's do not fit; set tracker.neptune_client to the one that is made for it"
_MEANINGS: dict[str, tuple[type[TraderError], str]] = {
    "NeptuneInvalidApiTokenException": (BadConfig, "it refuses the API token; make a new one there"),
    "Unauthorized": (BadConfig, "it refuses the API token (HTTP 401); make a new one there"),
    "Forbidden": (
        BadConfig,
        "the token's user may not write here (HTTP 403); make the user a contributor of the project",
    ),
    "WritingToArchivedProjectException": (BadConfig, "the project is archived; restore it there or name another one"),
    "ProjectNotFound": (BadConfig, f"there is no such project, or this token's user may not see it; {_PROJECT}"),
    "NeptuneMissingProjectNameException": (BadConfig, f"there is no project name; {_PROJECT}"),
    "AmbiguousProjectName": (BadConfig, f"several workspaces have a project of that name; {_PROJECT}"),
    "NeptuneLegacyProjectException": (BadConfig, f"the project is of an old kind that takes no runs; {_PROJECT}"),
    "NeptuneClientUpgradeRequiredError": (BadConfig, _VERSIONS),
    "SwaggerMappingError": (BadConfig, _VERSIONS),
    "NeptuneSSLVerificationError": (
        BadConfig,
        "its certificate is not trusted; install its authority, or set NEPTUNE_ALLOW_SELF_SIGNED_CERTIFICATE=1",
    ),
    "InsecureTransportError": (BadConfig, "it asks to log in over http://, unencrypted; give it https"),
    "NeptuneLimitExceedException": (Rejected, "the workspace's limit of storage or of logging is reached"),
    "NeptuneFieldCountLimitExceedException": (Rejected, "the run has as many fields as the server allows"),
    "CannotResolveHostname": (Retryable, f"there is no such host; {LATER}"),
    "NeptuneConnectionLostException": (Retryable, f"the connection was lost; {LATER}"),
}
_FOREIGN = "something answers there, but it is no Neptune server; correct the token"
_FOREIGN_ERRORS = frozenset({"JSONDecodeError", "YAMLError", "ScannerError", "ParserError"})
_NO_ANSWER = frozenset({"ConnectionError", "Timeout", "BravadoConnectionError", "BravadoTimeoutError"})


@contextmanager
def refusals() -> Iterator[None]:
    """Translate what the client and the file system raise into the tree of `core/errors.py`."""
    try:
        yield
    except TraderError:
        raise
    except Exception as error:
        raise translated(error) from error


def is_called(error: BaseException, name: str) -> bool:
    """Tell whether an exception's class, or one that it is derived from, has this name."""
    return name in _names(error)


def translated(error: BaseException) -> TraderError:
    """Return what an exception of the client means."""
    names = _names(error)
    for name in names:
        if name in _MEANINGS:
            kind, meaning = _MEANINGS[name]
            return kind(meaning)
    status = getattr(error, "status", None) or getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, ModuleNotFoundError):
        return BadConfig(f"the package {error.name} is not installed; install it, or change tracker.neptune_client")
    if _FOREIGN_ERRORS.intersection(names) or status == 404:  # noqa: PLR2004
        return BadConfig(_FOREIGN)
    if _NO_ANSWER.intersection(names):
        return Retryable(f"it does not answer; {LATER}")
    if isinstance(error, OSError) and error.filename:
        return Rejected(f"a file could not be kept: {error.strerror or error} ({error.filename})")
    code = f" (HTTP {status})" if status else ""
    return Rejected(f"it refused{code}: {first_line(str(error)) or type(error).__name__}")


def first_line(text: str) -> str:
    """Return the first line that says something; the clients begin theirs with colours and a ruler."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith(("\x1b", "----"))), "")


def _names(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]
