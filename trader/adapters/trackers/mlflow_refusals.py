"""What MLflow raises, in our words and in one line: what is wrong, and what to do about it.

It wraps whatever happens to a request in its own exception and keeps only the text, so some are told by their words.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlflow.exceptions import MlflowException, RestException
from sqlalchemy.exc import SQLAlchemyError

from trader.core.errors import BadConfig, Rejected, Retryable, TraderError

_REQUEST = re.compile(r"API request to \S+ failed with ")
_DATABASE = re.compile(r"^\([\w.]*\.\w*Error\) (.+)$", re.MULTILINE)
_STATUS = re.compile(r"failed with error code (\d{3}) ")
_UNREACHABLE = {
    "too many": "it is in trouble",
    "Connection refused": "nothing listens there",
    "NameResolutionError": "there is no such host",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not trusted",
    "SSLError": "it does not speak TLS",
    "Connection reset": "it broke the connection off",
    "RemoteDisconnected": "it broke the connection off",
    "timed out": "it does not answer",
    "BadStatusLine": "it does not speak HTTP",
}
"""What the text of a request without an answer tells, the first that is in it."""

_LATER = "what is missing is sent by a later run; see that the server runs and that tracker.mlflow_uri is its address"
_DENIED_ADVICE = (
    "set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, of a user who may write"
)
_DENIED_STATUS = (401, 403)
_NOT_FOUND = 404
_FOREIGN_STATUS = (301, 302, 303, 307, 308, 405, 410, 501)
_FIRST_TROUBLE = 500


@contextmanager
def refusals() -> Iterator[None]:
    """Translate what MLflow, its database and the file system raise into the tree of `core/errors.py`."""
    try:
        yield
    except TraderError:
        raise
    except MlflowException as error:
        raise _translated(error) from error
    except SQLAlchemyError as error:
        text = str(getattr(error, "orig", None) or error)
        raise Retryable(f"its database refused ({text}); see that it can be reached and is not in use") from error
    except ModuleNotFoundError as error:
        raise BadConfig(f"the package {error.name} is not installed, and this kind of tracking URI needs it") from error
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        raise Rejected(f"a file could not be kept: {error.strerror or error}{place}") from error


def _translated(error: MlflowException) -> TraderError:
    text, status = str(error), _status(error)
    if status in _DENIED_STATUS:
        return BadConfig(f"it refuses us (HTTP {status}); {_DENIED_ADVICE}")
    is_unknown_page = status == _NOT_FOUND and not isinstance(error, RestException)
    if is_unknown_page or status in _FOREIGN_STATUS or "not in a valid JSON format" in text:
        return BadConfig("something answers there, but it is no MLflow server; correct tracker.mlflow_uri")
    if status is not None and status >= _FIRST_TROUBLE:
        return Retryable(f"it is in trouble (HTTP {status}); {_LATER}")
    if _REQUEST.match(text):
        meaning = next((meaning for words, meaning in _UNREACHABLE.items() if words in text), "it cannot be reached")
        return Retryable(f"{meaning}; {_LATER}")
    if "database schema" in text:
        return BadConfig(f"its database is of another version of MLflow: {_short(text)}")
    return Rejected(f"it refused: {_short(text)}")


def _status(error: MlflowException) -> int | None:
    """Return the HTTP status of an answer, None when there was none."""
    if isinstance(error, RestException):
        answer: Any = error  # half typed
        return int(answer.get_http_status_code())
    found = _STATUS.search(str(error))
    return int(found[1]) if found else None


def _short(text: str) -> str:
    """Return the first sentence that says something; of a database, what the database says and not SQLAlchemy."""
    said = _DATABASE.search(text)
    if said:
        return f"its database: {said[1]}"
    return text.strip().splitlines()[0] if text.strip() else "it does not say why"
