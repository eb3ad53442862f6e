"""What a person has to put right: the container says what and how, once, and ends; cron would say it every hour."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.image.host import HARDENED
from tests.s3_server import Fault, FaultyProxy

DENIED = Fault(status=403, code="AccessDenied")
ELSEWHERE = Fault(status=301, code="PermanentRedirect", headers={"x-amz-bucket-region": "ap-northeast-1"})


class Strict(FaultyProxy):
    """S3 that treats some requests in one way for ever."""

    def __init__(self, target: str, *, fault: Fault, is_meant: Callable[[str], bool]) -> None:
        super().__init__(target)
        self._fault, self._is_meant = fault, is_meant

    def next_fault(self, request: str) -> Fault | None:
        return self._fault if self._is_meant(request) else None


@contextmanager
def strict(host, *, fault: Fault, is_meant=lambda _: True) -> Iterator[str]:
    """The endpoint of such an S3 before the host's."""
    proxy = Strict(host.s3.endpoint, fault=fault, is_meant=is_meant)
    try:
        yield proxy.endpoint
    finally:
        proxy.close()


@pytest.fixture
def refused(engine, image, host):
    """Start the container as it is started for months; return the one error it ends with."""

    def error(*options: str, code: int = 3, **changes: str) -> str:
        words = [*HARDENED, *host.options(**changes), *options, image]
        with engine.started(*words, network="host") as container:
            assert container.wait(seconds=60) == code, container.log()
            log = container.log()
        assert "cron is up" not in log
        said = re.findall(r"^error: .*$", log, flags=re.MULTILINE)
        assert len(said) == 1, log
        assert "Traceback" not in log
        assert host.placed() == {}
        return said[0]

    return error


def test_a_missing_key_is_named(refused):
    said = refused(TRADER__EXCHANGE__API_KEY="", TRADER__EXCHANGE__API_SECRET="")
    assert "bot.mode testnet" in said
    assert "set TRADER__EXCHANGE__API_KEY" in said


def test_half_a_key_is_named(refused):
    assert "TRADER__EXCHANGE__API_SECRET" in refused(TRADER__EXCHANGE__API_SECRET="")


def test_the_wrong_region_is_named_with_the_right_one(refused, host):
    with strict(host, fault=ELSEWHERE) as endpoint:
        said = refused(AWS_ENDPOINT_URL_S3=endpoint)
    assert "ap-northeast-1" in said
    assert "AWS_REGION" in said


def test_a_bucket_that_is_somebody_elses_is_named(refused, host):
    with strict(host, fault=DENIED) as endpoint:
        said = refused(AWS_ENDPOINT_URL_S3=endpoint)
    assert host.s3.bucket in said
    assert re.search("permission|allow|credentials", said)


def test_the_one_permission_that_is_missing_is_named(refused, host):
    with strict(host, fault=DENIED, is_meant=lambda request: request.startswith("PUT ")) as endpoint:
        said = refused(AWS_ENDPOINT_URL_S3=endpoint)
    assert "s3:PutObject" in said
    assert host.s3.bucket in said


def test_a_full_disk_is_named(refused):
    said = refused("--tmpfs=/disk:size=64k,mode=1777", TRADER__STORAGE__URL="/disk/store")
    assert "/disk/store" in said
    assert re.search("space|full", said)


def test_a_place_that_cannot_be_written_to_is_named(refused):
    assert "/somewhere" in refused(TRADER__STORAGE__URL="/somewhere/store")


def test_a_crontab_that_is_not_understood_is_named_with_its_line(refused, tmp_path):
    crontab = tmp_path / "cron-job"
    crontab.write_text("# by hand\n0 * * * MON /opt/trader/libexec/run.sh\n")
    crontab.chmod(0o644)
    said = refused(f"--volume={crontab}:/opt/trader/cron-job:ro")
    assert "line 2" in said
    assert "MON" in said


def test_no_place_for_its_own_files_is_named(engine, image):
    done = engine.run("--rm", "--read-only", "--read-only-tmpfs=false", "--image-volume=ignore", image, check=False)
    assert done.returncode == 3
    assert "--tmpfs /tmp" in done.stderr
