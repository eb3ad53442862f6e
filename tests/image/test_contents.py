"""What is in the image and what it says of itself; how big it is, and what is so big in it."""

import json

import pytest

from tests.containers import ROOT
from tests.image.conftest import COMMIT

SITE = "/opt/trader/lib/python3.11/site-packages"


@pytest.fixture(scope="module")
def about(engine, image):
    (found,) = json.loads(engine.podman("image", "inspect", image).stdout)
    return found


@pytest.fixture(scope="module")
def listed(engine, image):
    """The words that a shell command in the image prints."""

    def answer(words: str) -> list[str]:
        return engine.run("--rm", "--entrypoint=sh", image, "-c", words).stdout.split()

    return answer


def test_its_labels_say_what_it_is_and_of_which_version_and_commit(about):
    name = "org.opencontainers.image."
    labels = {key.removeprefix(name): value for key, value in about["Labels"].items() if key.startswith(name)}
    assert labels.pop("description")
    assert labels == {
        "title": "hourly-trader",
        "licenses": "MIT",
        "version": "1.2.3",
        "revision": COMMIT,
        "source": "https://example.org/trader",
        "created": "2026-11-21T00:00:00Z",
    }


def test_it_is_nobody_with_a_password_or_root(about):
    assert about["Config"]["User"] == "10001:10001"
    assert about["Config"]["Entrypoint"][0].endswith("tini")
    assert set(about["Config"]["Volumes"]) == {"/tmp", "/srv/trader"}  # noqa: S108 - a volume


def test_its_health_is_looked_at_from_two_hours_on(about):
    check = about["Healthcheck"]
    assert check["Test"] == ["CMD", "/opt/trader/libexec/health.sh"]
    assert check["StartPeriod"] == 2 * 3600 * 10**9


def test_it_holds_the_compiled_package_and_nothing_of_its_making(listed):
    assert any(name.startswith("commands.cpython-3") for name in listed(f"ls {SITE}/trader/cli/__pycache__"))
    assert listed(f"ls {SITE}/numpy/__pycache__")
    assert {"trader", "xgboost"} <= set(listed(f"ls {SITE}"))
    assert not {"hypothesis", "mypy", "moto", "ruff", "tests", "distributed"} & set(listed(f"ls {SITE}"))
    assert listed("ls -d /etc/pip.conf /source /root/.cache/pip /tmp/* 2>/dev/null; ls -A /srv/trader") == []


def test_the_user_owns_none_of_what_it_runs(listed):
    assert listed("find / -xdev -user trader -not -path '/proc/*' 2>/dev/null | sort || true") == ["/srv/trader"]
    assert listed("find /opt /etc /usr /srv/trader -perm /6000 -user trader 2>/dev/null || true") == []


def test_it_knows_the_packages_of_the_lock_and_no_others(listed):
    wanted = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    }
    found = {name.split("==")[0].lower().replace("_", "-") for name in listed("python -m pip list --format=freeze")}
    assert found - wanted <= {"hourly-trader", "pip", "wheel"}


def test_its_size_and_its_parts_are_printed(engine, base, image, listed, notes):
    (found,) = json.loads(engine.podman("image", "inspect", image).stdout)
    notes.append(f"size: {found['Size'] / 1e6:.0f} MB; its layers, the newest first:")
    layers = json.loads(engine.podman("history", "--format=json", image).stdout)
    notes.extend(
        f"  {layer['size'] / 1e6:7.1f} MB  {layer['CreatedBy'].removeprefix('/bin/sh -c ')[:100]}"
        for layer in layers
        if layer["size"] > 10**5
    )
    notes.append("its biggest packages:")
    words = listed(f"du --block-size=1 --summarize {SITE}/* | sort --numeric-sort --reverse | head -n 10")
    parts = list(zip(words[::2], words[1::2], strict=True))
    notes.extend(f"  {int(size) / 1e6:7.1f} MB  {path.rpartition('/')[2]}" for size, path in parts)
    assert len(parts) == 10
    (below,) = json.loads(engine.podman("image", "inspect", base).stdout)
    assert 0 < found["Size"] - below["Size"] < 1.2e9
