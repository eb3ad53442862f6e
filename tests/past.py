"""Years of a bot's past on the S3 server of this process, for who wants to know what they cost the next run."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit


def put_quickly(url: str, keys: Iterable[str], body: bytes) -> int:
    """Write the same body under many keys of a store at `s3://bucket/prefix`; return how many.

    Straight into the server's memory: over HTTP 70 000 objects would take minutes.
    """
    from moto.core import DEFAULT_ACCOUNT_ID  # noqa: PLC0415 - only its users wait for it
    from moto.s3.models import s3_backends  # noqa: PLC0415

    place = urlsplit(url)
    server = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    count = 0
    for key in keys:
        server.put_object(place.netloc, f"{place.path.removeprefix('/')}/{key}", body, disable_notification=True)
        count += 1
    return count


def journal_keys(symbol: str, *, before: datetime, hours: int) -> Iterable[str]:
    """The keys of the records of so many hours, the newest one first."""
    for hour in range(1, hours + 1):
        yield f"journal/{symbol}/1h/{before - timedelta(hours=hour):%Y/%m/%dT%H%M}.json"


def read_quickly(url: str, key: str) -> bytes:
    """The bytes of an object of a store at `s3://bucket/prefix`."""
    from moto.core import DEFAULT_ACCOUNT_ID  # noqa: PLC0415
    from moto.s3.models import s3_backends  # noqa: PLC0415

    place = urlsplit(url)
    found = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].get_object(place.netloc, f"{place.path.removeprefix('/')}/{key}")
    assert found is not None, f"{url}/{key} does not exist"
    return found.value
