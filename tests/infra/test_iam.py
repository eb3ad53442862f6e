"""The tests' own reading of IAM and of S3's requests, by examples of AWS's documentation."""

import pytest

from tests.infra.iam import is_allowed, is_denied
from tests.infra.recording import S3Request

BUCKET = "arn:aws:s3:::bucket"


def document(**statement: object) -> list[dict]:
    return [{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/a/*", **statement}}]


def test_what_nothing_allows_is_not_allowed():
    assert is_allowed(document(), "s3:GetObject", f"{BUCKET}/a/b/c")
    assert is_allowed(document(Action=["s3:putobject", "s3:GetObject"]), "s3:PutObject", f"{BUCKET}/a/b")
    assert not is_allowed(document(), "s3:GetObject", f"{BUCKET}/ab")
    assert not is_allowed(document(), "s3:PutObject", f"{BUCKET}/a/b")
    assert not is_allowed([], "s3:GetObject", f"{BUCKET}/a/b")


def test_a_denial_wins_over_whatever_allows():
    both = document() + document(Effect="Deny", Resource="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    assert not is_allowed(both, "s3:GetObject", f"{BUCKET}/a/b", aws_SecureTransport="false")
    assert is_denied(both, "s3:GetObject", f"{BUCKET}/z", aws_SecureTransport="false")
    assert is_allowed(both, "s3:GetObject", f"{BUCKET}/a/b", aws_SecureTransport="true")


@pytest.mark.parametrize(
    ("operator", "expected", "found", "holds"),
    [
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a*", "ab", False),
        ("StringLike", "a*", "ab", True),
        ("StringLike", "a[b]", "ab", False),
        ("ArnLike", "arn:aws:ecs:*:1:*", "arn:aws:ecs:eu:1:task/a", True),
        ("NumericLessThan", "1.2", "1.1", True),
        ("NumericLessThan", "1.2", "1.2", False),
    ],
)
def test_a_condition_compares_as_its_operator_says_and_never_holds_of_what_is_not_there(
    operator, expected, found, holds
):
    limited = document(Condition={operator: {"x:key": expected}})
    assert is_allowed(limited, "s3:GetObject", f"{BUCKET}/a/b", x_key=found) is holds
    assert not is_allowed(limited, "s3:GetObject", f"{BUCKET}/a/b")
    lenient = document(Condition={f"{operator}IfExists": {"x:key": expected}})
    assert is_allowed(lenient, "s3:GetObject", f"{BUCKET}/a/b")


def test_all_keys_of_a_condition_have_to_agree():
    limited = document(Condition={"StringEquals": {"x:one": "1", "x:two": "2"}})
    assert is_allowed(limited, "s3:GetObject", f"{BUCKET}/a/b", x_one="1", x_two="2")
    assert not is_allowed(limited, "s3:GetObject", f"{BUCKET}/a/b", x_one="1", x_two="3")


def test_an_operator_that_is_not_known_is_an_error():
    with pytest.raises(KeyError):
        is_allowed(document(Condition={"DateLessThan": {"x:key": "1"}}), "s3:GetObject", f"{BUCKET}/a/b", x_key="1")


@pytest.mark.parametrize(
    ("request_", "actions", "resource"),
    [
        (S3Request(method="GET", url="http://h/bucket/a/b%20c"), {"s3:GetObject"}, f"{BUCKET}/a/b c"),
        (S3Request(method="HEAD", url="http://h/bucket/a"), {"s3:GetObject"}, f"{BUCKET}/a"),
        (S3Request(method="PUT", url="http://h/bucket/a"), {"s3:PutObject"}, f"{BUCKET}/a"),
        (
            S3Request(method="PUT", url="http://h/bucket/a", is_replacing=True),
            {"s3:PutObject", "s3:GetObject"},
            f"{BUCKET}/a",
        ),
        (S3Request(method="DELETE", url="http://h/bucket/a"), {"s3:DeleteObject"}, f"{BUCKET}/a"),
        (S3Request(method="GET", url="http://h/bucket?list-type=2&prefix=a%2F"), {"s3:ListBucket"}, BUCKET),
    ],
)
def test_a_request_needs_the_action_that_s3_documents(request_, actions, resource):
    assert (request_.actions, request_.resource) == (actions, resource)


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("PUT", "http://h/bucket"),
        ("GET", "http://h/bucket/a?acl"),
        ("POST", "http://h/bucket/a?uploads"),
        ("PUT", "http://h/bucket/a?partNumber=1&uploadId=2"),
        ("GET", "http://h/bucket?versions"),
    ],
)
def test_a_request_that_needs_another_permission_is_noticed(method, url):
    with pytest.raises(AssertionError, match="what does"):
        _ = S3Request(method=method, url=url).actions
