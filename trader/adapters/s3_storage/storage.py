"""Objects in a bucket, with conditional writes and bounded retries.

A request whose answer was lost may have been executed. A *conditional* write that is then tried again meets its own
first attempt (412); it is told from a stranger's write by reading the object: our bytes are our write. boto3's own
retries would take it for a conflict, so they are off and `_retried` does them.
"""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from trader.adapters.s3_storage.access import find_access
from trader.adapters.s3_storage.address import check_place
from trader.adapters.s3_storage.refusals import FAULTS, code_of, is_conflict, is_unknown, translated
from trader.core.errors import BadConfig, Conflict, Retryable
from trader.ports import StoredObject, check_key, check_prefix, is_key

Answer = TypeVar("Answer")

_PAUSES = (0.25, 1.0, 2.5)
# No attempt begins later than this, so that a request ends well within the 30 s of a run's lease.
_PATIENCE_SECONDS = 12.0
_KINDS = {"GetObject": "get", "PutObject": "put", "ListObjectsV2": "list", "DeleteObject": "delete"}


_CONTENT_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "png": "image/png",
}
"""What browsers read. All of it is looked up again when it is opened, which costs an answer without a body."""


class S3Storage:
    """Objects in a bucket below a prefix ("" for none), for any number of threads.

    Raises BadConfig when bucket, prefix or the AWS settings cannot be used. `requests` counts every HTTP request by
    kind (get, put, list, delete, other), retries included. With `account`, twelve digits, S3 refuses a bucket of any
    other AWS account, whoever was quicker to take its name. After a lost answer, a stranger's write of the very same
    bytes counts as one's own: a record that may have one owner only has to name it.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        timeout_seconds: float = 5.0,
        page_size: int = 1000,
        account: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        check_place(bucket, prefix)
        self.requests: Counter[str] = Counter()
        self._bucket = bucket
        self._root = f"{prefix}/" if prefix else ""
        self._page_size = page_size
        self._sleep = sleep
        self._count_lock = threading.Lock()
        self._access = find_access()
        self._client = self._retried(lambda: self._access.connect(timeout_seconds=timeout_seconds), about="")
        self._client.meta.events.register("before-send.s3", self._count)
        if account:
            owner = {"ExpectedBucketOwner": account}
            self._client.meta.events.register("provide-client-params.s3", lambda params, **_: params | owner)

    def __repr__(self) -> str:
        return f"S3Storage({self._bucket!r}, {self._root.removesuffix('/')!r})"

    def close(self) -> None:
        """Close idle connections; a later request opens new ones."""
        self._client.close()

    def get(self, key: str) -> StoredObject | None:
        """Return the object, None only when it certainly does not exist."""
        place = self._place(key)

        def send() -> StoredObject | None:
            try:
                found = self._client.get_object(**place)
            except FAULTS as error:
                if code_of(error) == "NoSuchKey":
                    return None
                raise
            with contextlib.closing(found["Body"]) as body:
                return StoredObject(data=body.read(), etag=self._part(found, "ETag"))

        return self._retried(send, about=key)

    def put(self, key: str, data: bytes) -> str:
        """Write unconditionally and return the new tag."""
        return self._write(key, data)

    def create(self, key: str, data: bytes) -> str:
        """Write only if the key does not exist; raises Conflict otherwise. Returns the new tag."""
        return self._write(key, data, IfNoneMatch="*")

    def replace(self, key: str, data: bytes, etag: str) -> str:
        """Write only if the object still has this tag; raises Conflict otherwise. Returns the new tag."""
        check_key(key)
        if etag.strip(' "') in ("", "*"):  # to S3 these mean "whatever is there"
            raise Conflict(f"{self._address(key)} cannot have the tag {etag!r}; read the object again")
        return self._write(key, data, IfMatch=etag)

    def delete(self, key: str) -> None:
        """Remove the object; removing what is not there is fine."""
        place = self._place(key)

        def send() -> None:
            try:
                self._client.delete_object(**place)
            except FAULTS as error:
                if code_of(error) != "NoSuchKey":  # some servers say so where Amazon says 204
                    raise

        self._retried(send, about=key)

    def keys(self, prefix: str) -> list[str]:
        """Return all keys that begin with a prefix, sorted; objects whose names are not keys are nobody's."""
        check_prefix(prefix)
        query: dict[str, Any] = {"Bucket": self._bucket, "Prefix": self._root + prefix, "MaxKeys": self._page_size}
        found: list[str] = []
        while True:
            page = self._retried(lambda: self._client.list_objects_v2(**query), about=prefix)
            found += [entry["Key"].removeprefix(self._root) for entry in page.get("Contents", ())]
            if not self._part(page, "IsTruncated"):
                return sorted(key for key in found if is_key(key))
            query["ContinuationToken"] = self._part(page, "NextContinuationToken")

    def locate(self, key: str) -> str:
        """Return the s3:// address of a key."""
        check_key(key)
        return self._address(key)

    def _address(self, key: str) -> str:
        return f"s3://{self._bucket}/{self._root}{key}"

    def _place(self, key: str) -> dict[str, str]:
        check_key(key)
        return {"Bucket": self._bucket, "Key": self._root + key}

    def _write(self, key: str, data: bytes, **condition: str) -> str:
        place = self._place(key)
        may_be_written = False

        def send() -> str:
            nonlocal may_be_written
            try:
                return str(
                    self._part(self._client.put_object(Body=data, **place, **condition, **_headers_of(key)), "ETag")
                )
            except FAULTS as error:
                if condition and is_conflict(error):
                    how = "was changed or removed" if "IfMatch" in condition else "was written already, or just now,"
                    raise Conflict(f"{self._address(key)} {how} by somebody else") from error
                may_be_written |= is_unknown(error)
                raise

        try:
            return self._retried(send, about=key)
        except Conflict:
            found = self.get(key) if may_be_written else None
            if found is None or found.data != data:
                raise
            return found.etag

    def _retried(self, send: Callable[[], Answer], *, about: str) -> Answer:
        """Call until there is an answer, or an error that does not pass; raises ours."""
        at = f"storage {self._address(about)}"
        begin_before = time.monotonic() + _PATIENCE_SECONDS
        for pause in (*_PAUSES, None):
            try:
                return send()
            except FAULTS as error:
                ours = translated(error, at=at, server=self._access.server)
                if pause is None or not isinstance(ours, Retryable) or time.monotonic() + pause > begin_before:
                    raise ours from error
                self._sleep(pause * random.uniform(0.6, 1.4))
        raise AssertionError("the last attempt returns or raises")

    def _part(self, answer: dict[str, Any], name: str) -> Any:
        """Return what every answer of S3 has: a web page must look neither like an object nor like an empty store."""
        if name not in answer:
            raise BadConfig(
                f"storage {self._address('')}: {self._access.server} does not answer as S3 does (no {name}); correct"
                " AWS_ENDPOINT_URL_S3"
            )
        return answer[name]

    def _count(self, *, event_name: str, **_: object) -> None:
        with self._count_lock:
            self.requests[_KINDS.get(event_name.rpartition(".")[2], "other")] += 1


def _headers_of(key: str) -> dict[str, str]:
    """Return how a browser is to take an object: a page that is served from here has to open, and be the newest one."""
    kind = _CONTENT_TYPES.get(key.rpartition(".")[2])
    return {"ContentType": kind, "CacheControl": "no-cache"} if kind else {}
