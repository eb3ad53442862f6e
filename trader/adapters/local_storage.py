"""Object storage in a local folder: atomic, durable, and safe between processes on one machine.

A write goes to a temporary file beside the tree, is flushed to the disk, and takes its name in one step: `link` for a
create (it fails when the name is taken) and `rename` otherwise. Conditional writes hold a file lock that is chosen by
the key's hash, so two processes never compare and swap the same object at once; a killed process loses its lock.
Readers need no lock. The tag of an object is the SHA-256 of its bytes.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from trader.core.errors import BadConfig, Conflict, Retryable
from trader.ports import StoredObject, check_key, check_prefix, is_key

_PRIVATE = ".storage"
_ABANDONED_SECONDS = 86_400
# What a person has to change: it does not pass by itself, as an unplugged disk or a busy file server may.
_ADVICE = {
    errno.ENOSPC: "is on a full disk; free some of it or enlarge the volume",
    errno.EDQUOT: "has used up its owner's quota; free some space or raise the quota",
    errno.EROFS: "is read-only; mount a volume there that can be written, or choose another storage.url",
    errno.ENAMETOOLONG: "has too long a path; choose another storage.url",
}


class LocalStorage:
    """Objects as files below a folder, which is created with the first write. `durable` flushes every write to disk."""

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        self._root = root
        self._durable = durable
        self._thread_lock = threading.Lock()
        self._swept = False

    def __repr__(self) -> str:
        return f"LocalStorage({str(self._root)!r})"

    def get(self, key: str) -> StoredObject | None:
        """Return the object, None only when it certainly does not exist."""
        path = self._path(key)
        with self._translated(key):
            try:
                data = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                self._check_root()
                return None
        return StoredObject(data=data, etag=_etag(data))

    def put(self, key: str, data: bytes) -> str:
        """Write unconditionally and return the new tag."""
        with self._locked(key) as path:
            return self._rename_into(path, data)

    def create(self, key: str, data: bytes) -> str:
        """Write only if the key does not exist; raises Conflict otherwise. Returns the new tag."""
        with self._locked(key) as path:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._write_temporary(data)
            try:
                os.link(temporary, path)
            except FileExistsError:
                raise Conflict(f"{key} exists already") from None
            finally:
                temporary.unlink()
            self._sync_folder(path.parent)
            return _etag(data)

    def replace(self, key: str, data: bytes, etag: str) -> str:
        """Write only if the object still has this tag; raises Conflict otherwise. Returns the new tag."""
        with self._locked(key) as path:
            if not path.exists():
                raise Conflict(f"{key} does not exist any more")
            if _etag(path.read_bytes()) != etag:
                raise Conflict(f"{key} was changed by somebody else")
            return self._rename_into(path, data)

    def delete(self, key: str) -> None:
        """Remove the object; removing what is not there is fine."""
        with self._locked(key) as path:
            path.unlink(missing_ok=True)
            if path.parent.exists():
                self._sync_folder(path.parent)

    def keys(self, prefix: str) -> list[str]:
        """Return all keys that begin with a prefix, sorted; files whose names are not keys are nobody's objects."""
        check_prefix(prefix)
        with self._translated(prefix):
            self._check_root()
            found = (path.relative_to(self._root).as_posix() for path in _files(self._root / prefix.rpartition("/")[0]))
            return sorted(key for key in found if key.startswith(prefix) and is_key(key))

    def locate(self, key: str) -> str:
        """Return the path of a key."""
        return str(self._path(key))

    def _check_root(self) -> None:
        if self._root.exists() and not self._root.is_dir():
            raise BadConfig(f"storage {self._root} is not a folder; choose another storage.url")

    def _path(self, key: str) -> Path:
        check_key(key)
        return self._root / key

    @contextlib.contextmanager
    def _locked(self, key: str) -> Iterator[Path]:
        """Hold the key's lock between processes and threads."""
        path = self._path(key)
        with self._translated(key), self._thread_lock:
            locks = self._root / _PRIVATE / "locks"
            locks.mkdir(parents=True, exist_ok=True)
            shard = hashlib.sha256(key.encode()).hexdigest()[:2]
            handle = os.open(locks / shard, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield path
            finally:
                os.close(handle)

    @contextlib.contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        """Turn the operating system's errors into ours."""
        try:
            yield
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            self._check_root()
            raise BadConfig(
                f"storage {self._root}: {key} would be an object and a folder at once ({error.strerror}); remove what"
                " is in the way, or choose another storage.url"
            ) from error
        except PermissionError as error:
            raise BadConfig(
                f"storage {self._root} cannot be used ({error.strerror}: {key}); give uid {os.geteuid()} read and write"
                " permission (chown) or choose another storage.url"
            ) from error
        except OSError as error:
            if error.errno in _ADVICE:
                raise BadConfig(f"storage {self._root} {_ADVICE[error.errno]} ({error.strerror}: {key})") from error
            raise Retryable(f"storage {self._root} failed on {key}: {error.strerror}; check the disk") from error

    def _write_temporary(self, data: bytes) -> Path:
        folder = self._root / _PRIVATE / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        self._sweep(folder)
        # Not mkstemp, which keeps everybody else out: who may read a store is the umask's business.
        name = folder / uuid.uuid4().hex
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                if self._durable:
                    os.fsync(file.fileno())
        except OSError:  # a full disk must not fill further
            name.unlink()
            raise
        return name

    def _sweep(self, folder: Path) -> None:
        """Once in this object's life, remove what killed processes left behind, long after they can have been alive."""
        if not self._swept:
            self._swept = True
            for left in folder.iterdir():
                with contextlib.suppress(FileNotFoundError):  # another process sweeps too
                    if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                        left.unlink()

    def _rename_into(self, path: Path, data: bytes) -> str:
        temporary = self._write_temporary(data)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        self._sync_folder(path.parent)
        return _etag(data)

    def _sync_folder(self, folder: Path) -> None:
        """Make a new name in a folder survive a power cut."""
        if self._durable:
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder; a folder that cannot be read is an error, not an empty one."""
    try:
        entries = list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in entries:
        if path.name == _PRIVATE:
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
