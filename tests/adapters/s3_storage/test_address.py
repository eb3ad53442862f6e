"""An s3:// address is a bucket and a prefix, or refused with the form it should have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.adapters.s3_storage import S3Storage, parse_s3_url
from trader.core.errors import BadConfig
from trader.ports import is_key


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://bucket", ("bucket", "")),
        ("s3://bucket/", ("bucket", "")),
        ("s3://my.bucket-1/bots", ("my.bucket-1", "bots")),
        ("s3://bucket/bots/first", ("bucket", "bots/first")),
        ("s3://bucket/bots/first/", ("bucket", "bots/first")),
        (f"s3://{'b' * 63}/A_b=c.d-e", ("b" * 63, "A_b=c.d-e")),
    ],
)
def test_an_address_is_a_bucket_and_a_prefix(url, place):
    assert parse_s3_url(url) == place


NONSENSE = [
    "s3:",
    "s3://",
    "s3:///",
    "s3:///prefix",
    "s3:/bucket",
    "s3:bucket",
    "bucket",
    "S3://bucket",
    "http://bucket/prefix",
    "s3://bucket?versioning",
    "s3://bucket/prefix#part",
    "s3://bucket:9000/prefix",
    "s3://bucket/a%2Fb",
    "s3://Bucket",
    "s3://bu",
    "s3://bucket_name",
    "s3://-bucket",
    "s3://bucket-",
    "s3://bucket.-/",
    "s3://a..bucket",
    "s3://127.0.0.1",
    "s3://bucket//prefix",
    "s3://bucket/prefix//",
    "s3://bucket//",
    "s3://bucket/a//b",
    "s3://bucket/../other",
    "s3://bucket/./a",
    "s3://bucket/.hidden",
    "s3://bucket/a/.b",
    "s3://bucket/ä",
    "s3://bucket/a\\b",
    "s3://arn:aws:s3:eu-north-1:123456789012:accesspoint/mine",
]


@pytest.mark.parametrize("url", [*NONSENSE, "", "s3://bucket\n", "s3://bucket/a b", "s3://bucket/a\n", " s3://bucket"])
def test_nonsense_is_refused_with_advice(url):
    with pytest.raises(BadConfig, match=r"storage\.url.*(write|a bucket's name is)"):
        parse_s3_url(url)


def test_a_name_is_not_longer_than_a_buckets():
    with pytest.raises(BadConfig, match="3 to 63"):
        parse_s3_url(f"s3://{'b' * 64}")


def test_a_key_that_was_written_into_the_address_is_not_repeated():
    with pytest.raises(BadConfig, match="set credentials and region in the environment") as refused:
        parse_s3_url("s3://AKIA:secret@bucket/prefix")
    assert "secret" not in str(refused.value)


@given(st.text(alphabet="ab./-_\n A%0", max_size=12))
def test_whatever_is_accepted_is_a_prefix_of_keys(text):
    try:
        bucket, prefix = parse_s3_url(f"s3://bucket/{text}")
    except BadConfig:
        return
    assert bucket == "bucket"
    assert prefix == text.removesuffix("/")
    assert prefix == "" or is_key(prefix)


@pytest.mark.parametrize(("bucket", "prefix"), [("Bucket", ""), ("bucket", "/a"), ("bucket", "a/"), ("bucket", "../a")])
def test_a_storage_checks_its_place_as_well(bucket, prefix):
    with pytest.raises(BadConfig, match=r"storage\.url"):
        S3Storage(bucket, prefix)
