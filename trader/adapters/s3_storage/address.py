"""Where a store is: bucket and prefix, and the `s3://` address that names them."""

import re

from trader.core.errors import BadConfig
from trader.ports import is_key

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
_S3_URL = re.compile(r"s3://([^/?#@%]+)(?:/(?!/)([^?#@%]*))?")


def parse_s3_url(url: str) -> tuple[str, str]:
    """Return bucket and prefix ("" for none) of `s3://bucket/prefix`. Raises BadConfig for anything else."""
    match = _S3_URL.fullmatch(url)
    if match is None:
        shown = "(an address with an @)" if "@" in url else repr(url)  # what stands before an @ may be a password
        raise BadConfig(
            f"storage.url {shown} is no S3 address; write s3://bucket/prefix, and set credentials and region in the"
            " environment"
        )
    bucket, prefix = match[1], (match[2] or "").removesuffix("/")
    check_place(bucket, prefix)
    return bucket, prefix


def check_place(bucket: str, prefix: str) -> None:
    """Refuse with BadConfig what can be no bucket, and a prefix that is neither empty nor made of names."""
    if not _BUCKET.fullmatch(bucket):
        raise BadConfig(
            f"storage.url: {bucket!r} cannot be a bucket; a bucket's name is 3 to 63 lower-case letters, digits, dots"
            " and hyphens"
        )
    if prefix and not is_key(prefix):
        raise BadConfig(
            f"storage.url: prefix {prefix!r} is not allowed; write names of letters, digits and . _ = - with one /"
            " between them, for example bots/first"
        )
