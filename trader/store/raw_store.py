"""The archive's files as downloaded (bronze), each with its published checksum beside it."""

import hashlib

from trader.ports import ObjectStorage
from trader.store.raw import ArchiveFile


class RawStore:
    """Kept files by their content; a file is only given back for the digest it should have."""

    def __init__(self, storage: ObjectStorage) -> None:
        self._storage = storage

    def get(self, file: ArchiveFile, *, checksum: str) -> bytes | None:
        """Return the kept file if its content is the published one, None otherwise."""
        found = self._storage.get(file.key)
        return found.data if found is not None and sha256(found.data) == checksum else None

    def keep(self, file: ArchiveFile, data: bytes, *, checksum: str | None) -> None:
        """Write a file, then its checksum; with none published, one of an earlier issue is removed."""
        self._storage.put(file.key, data)
        if checksum is None:
            self._storage.delete(file.checksum_key)
        else:
            self.keep_checksum(file, checksum)

    def keep_checksum(self, file: ArchiveFile, checksum: str) -> None:
        """Write a file's published checksum in the format of sha256sum."""
        self._storage.put(file.checksum_key, f"{checksum}  {file.name}\n".encode())


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes in lower-case hex, as archives publish it."""
    return hashlib.sha256(data).hexdigest()
