"""A view of the object storage that never writes: for who checks a store and must leave it byte for byte as it is."""

from trader.core.errors import BadConfig
from trader.ports import ObjectStorage, StoredObject


class ReadOnly:
    """Another storage, of which everything can be read.

    Copies of the journal mend themselves on reading, by `put`. Here that is not done but noted: the keys are in
    `unmended`. Every other write raises BadConfig.
    """

    def __init__(self, storage: ObjectStorage) -> None:
        self._storage = storage
        self.unmended: list[str] = []

    def get(self, key: str) -> StoredObject | None:
        """Return the object, None only when it certainly does not exist."""
        return self._storage.get(key)

    def keys(self, prefix: str) -> list[str]:
        """Return all keys below a prefix, sorted."""
        return self._storage.keys(prefix)

    def locate(self, key: str) -> str:
        """Return the place of a key for people."""
        return self._storage.locate(key)

    def put(self, key: str, data: bytes) -> str:  # noqa: ARG002 - the port's signature
        """Write nothing, and note the key."""
        self.unmended.append(key)
        return ""

    def create(self, key: str, data: bytes) -> str:  # noqa: ARG002 - the port's signature
        """Refuse."""
        raise self._refusal(key)

    def replace(self, key: str, data: bytes, etag: str) -> str:  # noqa: ARG002 - the port's signature
        """Refuse."""
        raise self._refusal(key)

    def delete(self, key: str) -> None:
        """Refuse."""
        raise self._refusal(key)

    def _refusal(self, key: str) -> BadConfig:
        return BadConfig(f"{self._storage.locate(key)} would be written by a command that only reads; report this")
