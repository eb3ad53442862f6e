"""Object storage in an S3 bucket, or in a server that speaks S3."""

from trader.adapters.s3_storage.address import parse_s3_url
from trader.adapters.s3_storage.storage import S3Storage

__all__ = ["S3Storage", "parse_s3_url"]
