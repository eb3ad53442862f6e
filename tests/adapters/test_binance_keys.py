import pytest
from Crypto.PublicKey import ECC, RSA

from trader.adapters.binance.keys import Credentials, read_credentials
from trader.core.errors import BadConfig

SEED = bytes(range(32))
KEY = ECC.construct(curve="Ed25519", seed=SEED)
PEM = KEY.export_key(format="PEM")
SECRET_LINE = PEM.splitlines()[1]


def read(**changes):
    return read_credentials(**{"api_key": "abc123", "api_secret": None, "private_key": None, **changes})


def test_a_secret_is_taken_as_it_is():
    assert read(api_secret="s3cret+/=").api_secret == "s3cret+/="


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize(
    "pem", [PEM, PEM + "\n", "\n" + PEM, PEM.replace("\n", "\r\n") + "\r\n"], ids=["bare", "end", "start", "windows"]
)
def test_an_ed25519_key_is_read_from_a_file_or_a_text_however_its_lines_end(tmp_path, pem, as_text):
    """The library takes a PEM of more than 120 characters for RSA."""
    path = tmp_path / "key.pem"
    path.write_bytes(pem.encode())
    credentials = read(private_key=pem if as_text else path)
    assert credentials.signing_key() == KEY


@pytest.mark.parametrize(
    "pem",
    [
        RSA.generate(2048).export_key().decode(),
        ECC.generate(curve="P-256").export_key(format="PEM"),
        KEY.public_key().export_key(format="PEM"),
        KEY.export_key(
            format="PEM",
            passphrase="pw",
            protection="PBKDF2WithHMAC-SHA1AndAES128-CBC",
            use_pkcs8=True,
        ),
        "-----BEGIN PRIVATE KEY-----\nbm90aGluZw==\n-----END PRIVATE KEY-----",
        "-----BEGIN nothing",
    ],
    ids=["rsa", "p256", "public", "encrypted", "broken", "cut"],
)
def test_another_key_is_refused_without_being_shown(pem):
    with pytest.raises(BadConfig, match="not an Ed25519 key") as caught:
        read(private_key=pem)
    assert not any(line in str(caught.value) for line in pem.splitlines()[1:])
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", ["missing.pem", ""])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(BadConfig, match="cannot be read"):
        read(private_key=tmp_path / name)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "key.der").write_bytes(KEY.export_key(format="DER") + b"\xff\xfe")
    with pytest.raises(BadConfig, match="cannot be read"):
        read(private_key=tmp_path / "key.der")


@pytest.mark.parametrize("ways", [{}, {"api_secret": ""}, {"api_secret": "s", "private_key": PEM}])
def test_there_is_exactly_one_way_to_sign(ways):
    with pytest.raises(BadConfig, match="exactly one"):
        read(**ways)


@pytest.mark.parametrize("key", ["", "abc\n", " abc", "a b", "abc\r\nX-Evil: 1", "ключ", "a-b"])
def test_a_key_with_anything_but_letters_and_digits_is_refused_without_being_shown(key):
    """It would break, or smuggle, a header; the library would show it whole."""
    with pytest.raises(BadConfig, match=r"the API key( \(exchange\.api_key\))? is not one: ") as caught:
        read(api_key=key, api_secret="s")
    assert not key.strip() or key.strip() not in str(caught.value)


@pytest.mark.parametrize("secret", ["canary\n", " canary", "can ary", "can\x00ary", "canärý"])
def test_a_secret_with_blanks_in_it_is_refused_without_being_shown(secret):
    with pytest.raises(BadConfig, match=r"the API secret( \(exchange\.api_secret\))? is not one: ") as caught:
        read(api_secret=secret)
    assert "can" not in str(caught.value).replace("cannot", "")


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ("canary\n", "a line end is around it; store it again without"),
        ("canary\r\n", "a line end is around it"),
        ('"canary"', "a quotation mark is around it; store it again without"),
        ("'canary'", "a quotation mark is around it"),
        ("<canary>", "it is a placeholder; store the one that the venue shows"),
        ("your-canary", "it is a placeholder"),
        ("${CANARY}", "it is a placeholder"),
        ("CHANGE_ME", "it is a placeholder"),
        ("changeme", "it is a placeholder"),
        ("xxxx", "it is a placeholder"),
    ],
)
@pytest.mark.parametrize("name", ["api_key", "api_secret"])
def test_what_was_copied_with_something_around_it_or_never_filled_in_is_said_and_not_shown(name, typed, wrong):
    with pytest.raises(BadConfig, match=rf"\(exchange\.{name}\) is not one: .*{wrong}") as caught:
        read(**{"api_secret": "s3cret", name: typed})
    assert "canary" not in str(caught.value).lower()


@pytest.mark.parametrize("secret", ["nonesuch", "xxY", "a<b>", "todos", "it's"])
def test_a_secret_that_only_looks_a_little_like_a_placeholder_is_taken(secret):
    assert read(api_secret=secret).api_secret == secret


def test_nothing_of_it_is_shown():
    credentials = Credentials(api_key="canaryKey", api_secret="canarySecret", private_key=PEM)
    assert repr(credentials) == "Credentials()"
    said = f"key canaryKey, secret canarySecret, {SECRET_LINE}"
    assert credentials.scrubbed(said) == "key ***, secret ***, ***"
