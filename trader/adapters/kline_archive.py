"""Binance's public kline archive: over HTTP, or a folder that mirrors it. Both are read only.

Beside `X.zip` the archive publishes `X.zip.CHECKSUM` in the format of sha256sum (`<64 hex digits>  X.zip`).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from trader.core.errors import BadConfig, BadData, Rejected, Retryable

_CHECKSUM = re.compile(r"^([0-9a-fA-F]{64})\s+\*?(\S+)$")
_MAX_BYTES = 64 * 1024 * 1024
_CHUNK = 1 << 16
_RETRIED = (408, 429, 500, 502, 503, 504)
_LONGEST_WAIT = 60
_CONNECTIONS = 8


class FolderArchive:
    """A folder that holds the archive's paths (`data/spot/monthly/klines/...`).

    Raises BadConfig when it is no folder or may not be read, Retryable when the disk fails.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise BadConfig(f"archive {root} is not a folder; give the folder that holds data/spot/")
        self._root = root

    def __repr__(self) -> str:
        return f"FolderArchive({str(self._root)!r})"

    def checksum(self, path: str) -> str | None:
        """Return the checksum in the `.CHECKSUM` file beside a file, None where there is none."""
        data = self._read(f"{path}.CHECKSUM")
        return None if data is None else _parse_checksum(data, path=path, where=self.locate(path))

    def revision(self, path: str) -> str | None:
        """Return size and modification time in nanoseconds, None when there is no such file."""
        with self._translated(path):
            try:
                status = (self._root / path).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return f"{status.st_size}-{status.st_mtime_ns}"

    def fetch(self, path: str) -> bytes | None:
        """Return a file, None when there is no such file."""
        return self._read(path)

    def locate(self, path: str) -> str:
        """Return the path of a file."""
        return str(self._root / path)

    def _read(self, path: str) -> bytes | None:
        with self._translated(path):
            try:
                return (self._root / path).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    @contextmanager
    def _translated(self, path: str) -> Iterator[None]:
        """Turn the operating system's errors into ours."""
        try:
            yield
        except (PermissionError, IsADirectoryError) as error:
            raise BadConfig(f"archive file {self.locate(path)} cannot be read: {error.strerror}") from error
        except OSError as error:
            raise Retryable(f"archive {self._root} failed on {path}: {error.strerror}; check the disk") from error


class HttpArchive:
    """The archive under a URL, for any number of threads. What is temporary is tried again with growing waits.

    Raises Retryable when the archive does not answer well in the end, Rejected or BadConfig when it refuses.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: tuple[float, float] = (5.0, 30.0),
        attempts: int = 5,
        backoff_seconds: float = 0.5,
    ) -> None:
        if not re.match(r"^https?://[^/]", base_url):
            raise BadConfig(f"archive {base_url!r} is not a URL; write it as https://data.binance.vision")
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._attempts = attempts
        retry = Retry(
            total=attempts - 1,
            backoff_factor=backoff_seconds,
            status_forcelist=_RETRIED,
            raise_on_status=False,
            retry_after_max=_LONGEST_WAIT,
        )
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS, max_retries=retry))

    def __repr__(self) -> str:
        return f"HttpArchive({self._base_url!r})"

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def checksum(self, path: str) -> str | None:
        """Return the published checksum of a file, None when there is none."""
        data = self.fetch(f"{path}.CHECKSUM")
        return None if data is None else _parse_checksum(data, path=path, where=self.locate(path))

    def revision(self, path: str) -> str | None:
        """Return the ETag, or else time and size of the file, "" where the server tells neither."""
        with self._request("HEAD", path) as response:
            if response.status_code == HTTPStatus.NOT_FOUND:
                return None
            headers = response.headers
            changed = headers.get("Last-Modified")
            return headers.get("ETag") or (f"{changed} {headers.get('Content-Length', '')}" if changed else "")

    def fetch(self, path: str) -> bytes | None:
        """Return a file whole, None when the archive does not have it."""
        for attempt in range(1, self._attempts + 1):
            try:
                with self._request("GET", path) as response:
                    return None if response.status_code == HTTPStatus.NOT_FOUND else _body(response)
            except _Truncated as error:
                if attempt == self._attempts:
                    raise Retryable(f"{self.locate(path)}: {error}; try again later") from error
        return None

    def locate(self, path: str) -> str:
        """Return the URL of a file."""
        return f"{self._base_url}/{path}"

    @contextmanager
    def _request(self, method: str, path: str) -> Iterator[requests.Response]:
        """Give an answer of 2xx or 404; turn everything else into our errors."""
        url = self.locate(path)
        try:
            with self._session.request(
                method, url, timeout=self._timeout, stream=True, headers={"Accept-Encoding": "identity"}
            ) as response:
                if response.status_code != HTTPStatus.NOT_FOUND:
                    _refuse(response, url=url)
                yield response
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise BadConfig(f"archive URL {url} is not valid: {error}") from error
        except requests.exceptions.ChunkedEncodingError as error:
            raise _Truncated("the file ended early") from error
        except requests.RequestException as error:
            raise Retryable(f"{url} did not answer ({type(error).__name__}); check the network, try later") from error


class _Truncated(Exception):
    """A body that ended before its announced length."""


def _body(response: requests.Response) -> bytes:
    parts = bytearray()
    for chunk in response.iter_content(_CHUNK):
        parts += chunk
        if len(parts) > _MAX_BYTES:
            raise BadData(f"{response.url} is larger than {_MAX_BYTES >> 20} MiB; this is not a kline archive")
    return bytes(parts)


def _refuse(response: requests.Response, *, url: str) -> None:
    """Raise what a status other than 2xx means."""
    status = response.status_code
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    answer = f"{url} answered {status} {response.reason}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _RETRIED:
        raise Retryable(f"{answer}; try again later")
    if status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
        raise BadConfig(f"{answer}: not available from this place; use a mirror or another region")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED):
        raise BadConfig(f"{answer}; check the archive's URL, the proxy and the permissions")
    raise Rejected(f"{answer}; check the archive's URL", code=status)


def _parse_checksum(data: bytes, *, path: str, where: str) -> str:
    """Return the digits for this file. Raises BadData when it is not a checksum, or that of another file."""
    lines = data.decode("ascii", errors="replace").strip().splitlines()
    match = _CHECKSUM.match(lines[0].strip()) if len(lines) == 1 else None
    name = path.rpartition("/")[2]
    if match is None or match[2].rpartition("/")[2] != name:
        raise BadData(f"{where}.CHECKSUM is not the checksum of {name}: {lines[:1]}; check the archive")
    return match[1].lower()
