"""Region, endpoint and credentials: found where the AWS tools find them, missed with words that say what to set."""

import datetime
import errno
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.s3_server import S3Server, clean_aws
from trader.adapters.s3_storage import S3Storage
from trader.core.errors import BadConfig, Retryable


@pytest.fixture(autouse=True)
def no_settings(monkeypatch, tmp_path):
    """Nothing is set, and nothing is asked outside this machine."""
    clean_aws(monkeypatch)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def keys(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The hosts that were looked up; none is found."""
    hosts: list[str] = []

    def lost(host, *_, **__):
        hosts.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", lost)
    return hosts


def opened(bucket="some-bucket", prefix=""):
    return S3Storage(bucket, prefix, sleep=lambda _: None, timeout_seconds=1.0)


def test_without_a_region_nothing_is_guessed(keys):
    with pytest.raises(BadConfig, match="no AWS region is set; set AWS_REGION to the bucket's region"):
        opened()


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_region_leads_to_amazons_address_of_the_bucket(keys, asked, monkeypatch, name):
    monkeypatch.setenv(name, "eu-north-1")
    with pytest.raises(Retryable, match=r"Amazon S3 in eu-north-1 gave no answer \(EndpointConnectionError\).*AWS_REG"):
        opened().get("a")
    assert set(asked) == {"some-bucket.s3.eu-north-1.amazonaws.com"}
    assert len(asked) == 4


def test_the_region_that_containers_are_given_goes_before_the_default_one(keys, asked, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    with pytest.raises(Retryable):
        opened().keys("")
    assert set(asked) == {"some-bucket.s3.eu-north-1.amazonaws.com"}


def test_a_profile_gives_region_credentials_and_endpoint(asked, monkeypatch, tmp_path):
    (tmp_path / "config").write_text(
        "[profile mine]\nregion = eu-south-2\n[profile own]\nendpoint_url = http://minio.example:9000\n"
    )
    pair = "aws_access_key_id = a\naws_secret_access_key = b\n"
    (tmp_path / "credentials").write_text(f"[mine]\n{pair}[own]\n{pair}")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    with pytest.raises(Retryable, match="Amazon S3 in eu-south-2"):
        opened().get("a")
    monkeypatch.setenv("AWS_PROFILE", "own")
    with pytest.raises(Retryable, match=r"http://minio\.example:9000 gave no answer"):
        opened().get("a")
    assert list(dict.fromkeys(asked)) == ["some-bucket.s3.eu-south-2.amazonaws.com", "minio.example"]


def test_a_profile_that_is_not_there_is_named(keys, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "misspelt")
    with pytest.raises(BadConfig, match=r"misspelt.*correct AWS_PROFILE"):
        opened()


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_a_server_of_ones_own_needs_no_region_and_has_the_bucket_in_its_path(keys, asked, monkeypatch, name):
    monkeypatch.setenv(name, "http://storage.example:9000")
    with pytest.raises(Retryable, match=r"http://storage\.example:9000 gave no answer"):
        opened().get("a")
    assert set(asked) == {"storage.example"}


def test_an_endpoint_that_is_to_be_ignored_is(keys, asked, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://storage.example:9000")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    with pytest.raises(Retryable):
        opened().get("a")
    assert set(asked) == {"some-bucket.s3.eu-north-1.amazonaws.com"}


@pytest.mark.parametrize(("name", "value"), [("AWS_REGION", "eu north"), ("AWS_ENDPOINT_URL_S3", "minio:9000")])
def test_a_setting_that_is_nonsense_is_shown_and_refused(keys, monkeypatch, name, value):
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv(name, value)
    with pytest.raises(BadConfig, match=f"{value}.*correct AWS_REGION, AWS_ENDPOINT_URL_S3 or the profile"):
        opened().get("a")


def test_without_credentials_it_says_which_to_set(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    with pytest.raises(BadConfig, match=r"s3://some-bucket/a: no AWS credentials were found; set AWS_ACCESS_KEY_ID"):
        opened().get("a")


def test_half_the_credentials_are_none(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    with pytest.raises(BadConfig, match="no AWS credentials were found"):
        opened().get("a")


def test_a_role_whose_source_does_not_answer_may_answer_later(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{_closed_port()}/role")
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    with pytest.raises(Retryable, match="the source of the AWS credentials failed"):
        opened().get("a")


def test_a_refused_connection_may_work_later(keys, monkeypatch):
    port = _closed_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
    storage = opened()
    for attempt in (lambda: storage.get("a"), lambda: storage.create("a", b""), lambda: storage.keys("")):
        with pytest.raises(Retryable, match=f"http://127.0.0.1:{port} gave no answer"):
            attempt()
    assert dict(storage.requests) == {"get": 4, "put": 4, "list": 4}


def test_a_network_that_is_down_may_come_back(keys, monkeypatch):
    def unreachable(*_):
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setattr(socket.socket, "connect", unreachable)
    with pytest.raises(Retryable, match="gave no answer"):
        opened().get("a")


def test_a_certificate_that_is_not_trusted_is_not_a_passing_fault(keys, monkeypatch, tmp_path):
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.handle_error = lambda *_: None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"https://127.0.0.1:{server.server_address[1]}")
        storage = opened()
        with pytest.raises(BadConfig, match=r"certificate of https://127.* is not trusted; set AWS_CA_BUNDLE"):
            storage.get("a")
        assert storage.requests["get"] == 1
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_environment_for_processes_is_complete(monkeypatch):
    S3Server(endpoint="http://127.0.0.1:9", bucket="some-bucket").apply(monkeypatch)
    assert repr(opened(prefix="a")) == "S3Storage('some-bucket', 'a')"


def _closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def _self_signed(folder):
    """A certificate for nobody in particular, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return folder / "both.pem"
