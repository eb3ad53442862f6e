"""A 403 names the one permission that is missing: as S3 says it, or else as the operation needs it."""

import pytest

from tests.s3_server import Fault
from trader.adapters.s3_storage.denials import advice_on_denial
from trader.core.errors import BadConfig

WHO = "User: arn:aws:sts::123456789012:assumed-role/trader-task/1 is not authorized to perform: "
KEY = "arn:aws:kms:eu-central-1:123456789012:key/7"
ALLOWED_NOWHERE = " because no identity-based policy allows the"
AS_IT_DEMANDS = ": change it, or reach the bucket as it demands"
FOREIGN = "; if the bucket is not yours, correct storage.url (or storage.aws_account)"


@pytest.mark.parametrize(
    ("operation", "missing"),
    [
        ("GetObject", "s3:GetObject on it, or, if it does not exist, s3:ListBucket on the bucket"),
        ("PutObject", "s3:PutObject on it"),
        ("DeleteObject", "s3:DeleteObject on it"),
        ("ListObjectsV2", "s3:ListBucket on the bucket"),
    ],
)
def test_a_bare_refusal_is_told_by_what_was_asked_for(operation, missing):
    assert advice_on_denial(operation, message="Access Denied") == f"allow {missing}{FOREIGN}"


@pytest.mark.parametrize(
    ("operation", "message", "advice"),
    [
        (
            "PutObject",
            f'{WHO}s3:PutObject on resource: "arn:aws:s3:::b/bot/bot.json"{ALLOWED_NOWHERE} s3:PutObject action',
            "allow s3:PutObject on arn:aws:s3:::b/bot/bot.json",
        ),
        (
            "GetObject",  # of a key that does not exist
            f'{WHO}s3:ListBucket on resource: "arn:aws:s3:::b"{ALLOWED_NOWHERE} s3:ListBucket action',
            "allow s3:ListBucket on arn:aws:s3:::b",
        ),
        (
            "PutObject",
            f"{WHO}kms:GenerateDataKey on resource: {KEY}{ALLOWED_NOWHERE} kms:GenerateDataKey action",
            f"allow kms:GenerateDataKey on {KEY}",
        ),
        (
            "GetObject",
            f'{WHO}s3:GetObject on resource: "arn:aws:s3:::b/k" with an explicit deny in a resource-based policy',
            f"a statement of the resource-based policy denies s3:GetObject on arn:aws:s3:::b/k{AS_IT_DEMANDS}",
        ),
        ("GetObject", f"{WHO}s3:GetObject", "allow s3:GetObject"),
    ],
)
def test_what_s3_names_itself_is_what_to_allow(operation, message, advice):
    assert advice_on_denial(operation, message=message) == advice


@pytest.mark.slow
@pytest.mark.parametrize("code", ["AccessDenied", "AllAccessDisabled"])
def test_every_request_that_is_denied_says_its_place_and_its_own_permission_only(faulty, proxy, pauses, code):
    """Denied at once: what is not allowed now is not allowed in a second either."""
    actions = {
        "s3:GetObject": lambda: faulty.get("a"),
        "s3:PutObject": lambda: faulty.create("a", b"2"),
        "s3:DeleteObject": lambda: faulty.delete("a"),
        "s3:ListBucket": lambda: faulty.keys("a"),
    }
    for action, ask in actions.items():
        proxy.script, proxy.seen[:] = [Fault(status=403, code=code)], []
        with pytest.raises(BadConfig) as refused:
            ask()
        said = str(refused.value)
        assert said.startswith(f"storage {faulty.locate('a')}: access is denied; allow {action} on ")
        others = set(actions) - {action} - ({"s3:ListBucket"} if action == "s3:GetObject" else set())
        assert not [other for other in others if other in said]
        assert f"{code}, as scripted)" in said
        assert (len(proxy.seen), pauses) == (1, [])
