"""What the bot asks of S3, and which permission each request needs.

with recorded_s3() as requests:
    main(["run"])
    {action for request in requests for action in request.actions}
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

_OBJECT = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}
_HARMLESS = {"x-id"}  # the name of the operation, which boto3 repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Request:
    """One request as a server got it."""

    method: str
    url: str
    is_replacing: bool = False
    status: int = 200

    @property
    def place(self) -> tuple[str, str]:
        """Bucket and key; of a listing the key is the prefix that is listed."""
        bucket, _, key = unquote(urlsplit(self.url).path).removeprefix("/").partition("/")
        return bucket, self.query.get("prefix", [""])[0] if self.lists else key

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.url).query, keep_blank_values=True)

    @property
    def lists(self) -> bool:
        return self.method == "GET" and self.query.get("list-type") == ["2"]

    @property
    def actions(self) -> frozenset[str]:
        """What IAM wants of it; a PUT with If-Match reads, too: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html

        Raises for what is neither reading, writing and deleting one object nor listing: that needs other permissions.
        """
        if self.lists:
            return frozenset({"s3:ListBucket"})
        if not self.place[1] or set(self.query) - _HARMLESS or self.method not in _OBJECT:
            raise AssertionError(f"what does {self.method} {self.url} need? Say so here, and allow it in infra/")
        return frozenset({_OBJECT[self.method]} | ({"s3:GetObject"} if self.is_replacing else set()))

    @property
    def resource(self) -> str:
        bucket, key = self.place
        return f"arn:aws:s3:::{bucket}" if self.lists else f"arn:aws:s3:::{bucket}/{key}"

    @property
    def context(self) -> dict[str, str]:
        """The condition keys that S3 gives IAM with it, with a _ for their colon."""
        return {"s3_prefix": self.place[1]} if self.lists else {}


@contextmanager
def recorded_s3() -> Iterator[list[S3Request]]:
    """All requests that the S3 servers of this process answer meanwhile, refusals included."""
    from flask import request, request_finished  # noqa: PLC0415 - only its users wait for it

    seen: list[S3Request] = []

    def ended(_app: object, response, **_: object) -> None:
        replaces = "If-Match" in request.headers
        seen.append(
            S3Request(method=request.method, url=request.url, is_replacing=replaces, status=response.status_code)
        )

    with request_finished.connected_to(ended):
        yield seen
