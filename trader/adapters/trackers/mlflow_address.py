"""Where MLflow keeps its runs: what a tracking URI may be, and what can be said of it without asking MLflow.

MLflow itself answers a wrong URI late, after minutes of retries or in pages of text.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from trader.core.errors import BadConfig

_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_SERVERS = ("http", "https")
_ADVICE = "tracker.mlflow_uri is http://host:5000, https://host, or sqlite:///file.db (four slashes for a full path)"
_SQLITE_BUSY_SECONDS = 2.0


def shown(uri: str) -> str:
    """Return a tracking URI without what may be secret in it: user, password, query."""
    kind, mark, rest = uri.partition("://")
    if not mark and "@" in uri:  # http:// was forgotten
        return "***"
    place = rest.partition("?")[0]
    if place.startswith("/"):
        return f"{kind}{mark}{place}"
    if "@" in rest and "@" not in place:  # a password with a ? in it, or a query with an @
        return f"{kind}{mark}***"
    return f"{kind}{mark}{place.rpartition('@')[2]}"


def sqlite_file(uri: str) -> Path | None:
    """Return the database file of a tracking URI, None for one that is no sqlite."""
    scheme, _, rest = uri.partition("://")
    if scheme.partition("+")[0] != "sqlite":
        return None
    return Path(rest.removeprefix("/").partition("?")[0])


def check_uri(uri: str) -> None:
    """Raise BadConfig that says what to do for a tracking URI that cannot be one; asks no server."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:  # whose text may have a part of a password in it
        raise BadConfig(f"this is no address; a / ? or # of a password is written %2F %3F %23; {_ADVICE}") from None
    kind = parts.scheme.partition("+")[0]
    if kind in ("", "file"):
        raise BadConfig(f"MLflow keeps no runs in plain folders any more; {_ADVICE}")
    if "://" not in uri:  # what stands before the first colon may be a user, or a token
        raise BadConfig(f"it does not begin with a kind of address, such as http://; {_ADVICE}")
    if kind not in _DATABASES + _SERVERS:
        raise BadConfig(f"{kind}:// is no kind of tracking URI that is supported; {_ADVICE}")
    if kind in _SERVERS and not parts.hostname:
        raise BadConfig(f"there is no host in it; {_ADVICE}")
    path = sqlite_file(uri)
    if path is not None:
        _check_sqlite(path, is_complete=uri.partition("://")[2].startswith("/"))


def _check_sqlite(path: Path, *, is_complete: bool) -> None:
    if not is_complete or path.name in ("", ".", "..", ":memory:"):
        raise BadConfig(f"it names no database file; {_ADVICE}")
    if path.is_dir():
        raise BadConfig(f"{path} is a folder; name a file in it, such as {path / 'mlflow.db'}")
    if not path.parent.is_dir():
        raise BadConfig(f"its folder {path.parent} does not exist; make it, or correct tracker.mlflow_uri")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise BadConfig(f"{path} cannot be written; give this user the right to, or correct tracker.mlflow_uri")
    if path.exists():
        _check_readable(path)


def _check_readable(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path, timeout=_SQLITE_BUSY_SECONDS)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as error:  # locked for too long, most likely
        raise BadConfig(f"{path} cannot be opened ({error}); see what else uses it") from None
    except sqlite3.DatabaseError as error:
        raise BadConfig(
            f"{path} is no sqlite database ({error}); move it away, or correct tracker.mlflow_uri"
        ) from None
