"""API keys, signatures and the age of a request."""

import base64
import hashlib
import hmac
from decimal import Decimal

import pytest
from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa

from trader.core.errors import BadConfig, Rejected
from trader.simulator.testnet.security import (
    ApiKey,
    check_age,
    check_arrival,
    check_signature,
    known_key,
    new_public_key,
    new_secret_key,
    window_of,
)

# https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md, "SIGNED Endpoint Examples for POST
# /api/v3/order", HMAC Keys: key, secret, parameters and the three signatures.
DOCUMENTED = ApiKey(
    key="vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    secret="NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
)
HEAD = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
TAIL = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
WHOLE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
MIXED = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", f"{HEAD}&{TAIL}&signature={WHOLE}"),
        (f"{HEAD}&{TAIL}&signature={WHOLE}", ""),
        (HEAD, f"{TAIL}&signature={MIXED}"),
        (f"{HEAD}&signature={MIXED}", TAIL),
        (f"signature={WHOLE}&{HEAD}&{TAIL}", ""),
        (f"{HEAD}&{TAIL}&signature={WHOLE.upper()}", ""),
    ],
    ids=["body", "query", "mixed", "mixed, signed in the query", "in front", "not case sensitive"],
)
def test_the_documented_signatures_are_valid(query, body):
    check_signature(DOCUMENTED, query=query, body=body)


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (f"{HEAD}&{TAIL}", ""),
        (f"{HEAD}&{TAIL}&signature=", ""),
        (f"{HEAD}&{TAIL}&signature={MIXED}", ""),
        (f"{HEAD}&{TAIL.replace('price=0.1', 'price=0.2')}&signature={WHOLE}", ""),
        (f"{TAIL}&{HEAD}&signature={WHOLE}", ""),
        (f"{HEAD}&{TAIL}&signature=ä", ""),
    ],
)
def test_anything_else_is_not(query, body):
    with pytest.raises(Rejected, match=r"^Signature for this request is not valid\.$") as refusal:
        check_signature(DOCUMENTED, query=query, body=body)
    assert refusal.value.code == -1022


def test_ed25519_signatures_are_checked_against_the_registered_public_key():
    private = ECC.generate(curve="Ed25519")
    key = new_public_key(private.public_key().export_key(format="PEM"))
    signature = base64.b64encode(eddsa.new(private, "rfc8032").sign(f"{HEAD}&{TAIL}".encode())).decode()
    escaped = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    check_signature(key, query=f"{HEAD}&{TAIL}&signature={escaped}", body="")
    check_signature(key, query="", body=f"{HEAD}&{TAIL}&signature={signature}")
    for query in (f"{HEAD}&{TAIL}&x=1&signature={escaped}", f"{HEAD}&{TAIL}&signature={WHOLE}", f"{HEAD}&{TAIL}"):
        with pytest.raises(Rejected, match="Signature"):
            check_signature(key, query=query, body="")


def test_an_empty_secret_opens_nothing():
    private = ECC.generate(curve="Ed25519")
    key = new_public_key(private.public_key().export_key(format="PEM"))
    forged = hmac.new(b"", HEAD.encode(), hashlib.sha256).hexdigest()
    with pytest.raises(Rejected, match="Signature"):
        check_signature(key, query=f"{HEAD}&signature={forged}", body="")


@pytest.mark.parametrize("curve", ["P-256", "Ed25519"])
def test_only_an_ed25519_public_key_is_registered(curve):
    private = ECC.generate(curve=curve)
    wrong = private.export_key(format="PEM") if curve == "Ed25519" else private.public_key().export_key(format="PEM")
    with pytest.raises(BadConfig, match="Ed25519 public key"):
        new_public_key(wrong)
    with pytest.raises(BadConfig, match="openssl"):
        new_public_key("hello")


def test_a_key_is_found_by_its_name_and_its_secret_is_never_shown():
    mine, other = new_secret_key(), new_secret_key()
    assert known_key(mine.key, (other, mine)) is mine
    assert mine.secret not in repr(mine)
    assert len(mine.key) == len(mine.secret) == 64


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        (None, -2014, "API-key format invalid."),
        ("", -2014, "API-key format invalid."),
        ("short", -2014, "API-key format invalid."),
        (f"{'x' * 63}!", -2014, "API-key format invalid."),
        ("x" * 64, -2015, "Invalid API-key, IP, or permissions for action."),
        (DOCUMENTED.key.swapcase(), -2015, "Invalid API-key, IP, or permissions for action."),
    ],
)
def test_another_key_is_refused(name, code, words):
    with pytest.raises(Rejected) as refusal:
        known_key(name, (DOCUMENTED,))
    assert (refusal.value.code, str(refusal.value)) == (code, words)


# rest-api.md, "Timing security": timestamp < serverTime + 1000 && serverTime - timestamp <= recvWindow
@pytest.mark.parametrize("age", [-999, 0, 4999, 5000])
def test_a_request_within_its_window_arrives(age):
    check_arrival(100_000 - age, now_ms=100_000, window=window_of(None))


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (-1000, "Timestamp for this request was 1000ms ahead of the server's time."),
        (5001, "Timestamp for this request is outside of the recvWindow."),
    ],
)
def test_a_request_outside_is_refused(age, words):
    with pytest.raises(Rejected) as refusal:
        check_arrival(100_000 - age, now_ms=100_000, window=window_of(None))
    assert (refusal.value.code, str(refusal.value)) == (-1021, words)


def test_the_second_look_is_at_the_age_only():
    check_age(200_000, now_ms=100_000, window=Decimal(1))
    with pytest.raises(Rejected, match="outside of the recvWindow"):
        check_age(99_998, now_ms=100_000, window=Decimal(1))


def test_a_window_is_at_most_a_minute_and_may_have_decimals():
    assert window_of("60000") == 60000
    assert window_of("1.5") == Decimal("1.5")
    with pytest.raises(Rejected) as refusal:
        window_of("60000.001")
    assert refusal.value.code == -1131
