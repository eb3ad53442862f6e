"""What S3 refuses: every reason names the place and says what to change, and none is ever taken for absence."""

import traceback

import pytest

from tests.s3_server import REGION, Fault
from trader.adapters.s3_storage import S3Storage
from trader.core.errors import BadConfig, Retryable

pytestmark = pytest.mark.slow

ELSEWHERE = {"x-amz-bucket-region": "ap-southeast-1"}
REFUSALS = [
    (404, "NoSuchBucket", {}, r"the bucket does not exist; create it, or correct storage\.url"),
    (403, "InvalidAccessKeyId", {}, "the access key is not accepted; check AWS_ACCESS_KEY_ID"),
    (403, "SignatureDoesNotMatch", {}, "the access key is not accepted; check AWS_ACCESS_KEY_ID"),
    (400, "InvalidToken", {}, "check .*AWS_SESSION_TOKEN"),
    (400, "ExpiredToken", {}, "the session token has expired; log in again, or renew AWS_SESSION_TOKEN"),
    (403, "RequestTimeTooSkewed", {}, "clock is more than 15 minutes off; set it"),
    (301, "PermanentRedirect", ELSEWHERE, "the bucket is in ap-southeast-1, but .* was asked; correct AWS_REGION"),
    (400, "AuthorizationHeaderMalformed", ELSEWHERE, "the bucket is in ap-southeast-1.*correct AWS_REGION"),
    (400, "IllegalLocationConstraintException", ELSEWHERE, "the bucket is in ap-southeast-1.*correct AWS_REGION"),
    (501, "NotImplemented", {}, "no conditional writes.*use one that has them"),
    (400, "InvalidRequest", {}, r"refused the request \(.*InvalidRequest.*as scripted.*correct the settings"),
]


def every_method(storage):
    return {
        "get": lambda: storage.get("a"),
        "put": lambda: storage.put("a", b"2"),
        "create": lambda: storage.create("b", b"2"),
        "replace": lambda: storage.replace("a", b"2", '"tag"'),
        "delete": lambda: storage.delete("a"),
        "keys": lambda: storage.keys("a"),
    }


@pytest.mark.parametrize("refusal", REFUSALS, ids=[refusal[1] for refusal in REFUSALS])
def test_a_refusal_is_final_names_the_place_and_says_what_to_do(faulty, proxy, pauses, refusal):
    status, code, headers, advice = refusal
    for name, action in every_method(faulty).items():
        proxy.script = [Fault(status=status, code=code, headers=headers)] * 9
        with pytest.raises(BadConfig, match=advice) as refused:
            action()
        key = "b" if name == "create" else "a"
        assert f"storage {faulty.locate(key)}: " in str(refused.value)
        assert pauses == []


@pytest.mark.parametrize("status", [400, 404, 405, 418])
def test_an_answer_that_is_not_s3s_is_never_absence(faulty, proxy, status):
    for action in every_method(faulty).values():
        proxy.script = [Fault(status=status, body=b"<html><body>nginx</body></html>")]
        with pytest.raises(BadConfig, match=r"http://127\.0\.0\.1:\d+ refused the request"):
            action()


@pytest.mark.parametrize("body", [b"<html><body>Welcome</body></html>", b"", b"Welcome", b"{}"])
def test_a_web_page_is_neither_an_object_nor_an_empty_store(faulty, proxy, body):
    actions = every_method(faulty)
    del actions["delete"]
    for action in actions.values():
        proxy.script = [Fault(status=200, body=body)] * 9
        with pytest.raises((BadConfig, Retryable), match=r"AWS_ENDPOINT_URL_S3|500, Internal Server Error"):
            action()


def test_an_absent_key_is_absence_and_an_absent_bucket_is_not(aws, opened):
    assert opened().get("a") is None
    storage = S3Storage("no-such-bucket-anywhere")
    for name, action in every_method(storage).items():
        with pytest.raises(BadConfig, match=r"storage s3://no-such-bucket-anywhere/.*does not exist; create it"):
            pytest.fail(f"{name} answered {action()!r}")
    storage.close()


def test_a_bucket_elsewhere_is_found_when_s3_says_where(faulty, proxy):
    faulty.put("a", b"1")
    proxy.script = [Fault(status=301, code="PermanentRedirect", headers=ELSEWHERE)]
    assert faulty.get("a").data == b"1"
    assert faulty.create("b", b"2") == faulty.get("b").etag


def test_what_s3_does_not_have_to_remove_is_removed(faulty, proxy):
    proxy.script = [Fault(status=404, code="NoSuchKey")]
    assert faulty.delete("a") is None


def test_a_role_that_is_refused_is_told_from_a_bucket_that_is(proxy, opened, monkeypatch, tmp_path):
    config = tmp_path / "config"
    config.write_text(
        "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/mine\nsource_profile = own\n"
        "[profile own]\naws_access_key_id = a\naws_secret_access_key = b\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "role")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", proxy.endpoint)
    storage = opened()
    body = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>as scripted</Message></Error></ErrorResponse>"
    proxy.script = [Fault(status=403, body=body)]
    with pytest.raises(BadConfig, match=r"no credentials \(AssumeRole: AccessDenied.*check the role or AWS_PROFILE"):
        storage.get("a")
    assert storage.requests["get"] == 0


def test_no_secret_is_in_an_error_its_cause_or_a_representation(aws, proxy, opened, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-mine")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token-of-mine")
    storage = opened()
    for fault in (Fault(status=403, code="SignatureDoesNotMatch"), Fault(status=500, code="InternalError"), Fault()):
        for action in every_method(storage).values():
            proxy.script = [fault] * 4
            with pytest.raises((BadConfig, Retryable)) as refused:
                action()
            said = "".join(traceback.format_exception(refused.value))
            assert storage.locate("a")[:-1] in said
            assert "of-mine" not in said + repr(storage)


def test_the_password_of_an_endpoint_is_not_told(proxy, opened, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint.replace("http://", "http://me:password@"))
    storage = opened()
    proxy.script = [Fault()] * 4
    with pytest.raises(Retryable, match=r"http://127\.0\.0\.1:\d+ gave no answer") as refused:
        storage.get("a")
    assert "password" not in str(refused.value)
    assert REGION not in str(refused.value)
