"""docker/compose.yml as a text: what it may not lack, and what has to agree with other files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from trader.adapters.binance.venues import is_loopback
from trader.config import Settings
from trader.simulator.testnet.state import StateFile

FILE = ROOT / "docker/compose.yml"
COMPOSE = yaml.safe_load(FILE.read_text())
SERVICES = COMPOSE["services"]
BOT = SERVICES["bot"]["environment"]


@pytest.mark.slow
def test_it_is_what_the_specification_allows():
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", FILE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_denied_what_it_does_not_need(name):
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["mem_limit"]
    assert "/tmp" in service["tmpfs"]  # noqa: S108 - the container's
    assert not {"privileged", "cap_add", "user", "devices", "pid", "ipc"} & set(service)
    assert "healthcheck" in service or service["image"] == SERVICES["bot"]["image"]  # which has its own


def test_only_this_machine_reaches_a_port():
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_image_is_built_here():
    for name, service in SERVICES.items():
        build = service["build"]
        file = ROOT / "docker" / build["context"] / build.get("dockerfile", "Dockerfile")
        assert file.is_file()
        target = build.get("target")
        assert target is None or f" AS {target}\n" in file.read_text(), name
        assert service["image"].startswith("localhost/")  # so that no registry is asked for it


def test_the_services_stand_on_the_bots_base_and_install_by_hash_only():
    base = re.compile(r"^ARG BASE=(\S+)$", flags=re.MULTILINE)
    services = (ROOT / "docker/services.Dockerfile").read_text()
    assert base.findall(services) == base.findall((ROOT / "Dockerfile").read_text())
    installs = [line for line in services.splitlines() if "pip install" in line]
    assert len(installs) == 2
    assert all("--require-hashes" in line for line in installs)


def test_everything_mounted_from_here_is_here_and_read_only():
    mounts = [volume.split(":") for service in SERVICES.values() for volume in service.get("volumes", ())]
    kept = [name for name, *_ in mounts if not name.startswith(".")]
    assert sorted(kept) == sorted(COMPOSE["volumes"])
    for source, _, *options in (mount for mount in mounts if mount[0].startswith(".")):
        assert (FILE.parent / source).is_file()
        assert options == ["ro"]


def test_bot_and_testnet_agree_on_the_key():
    (key,) = StateFile(ROOT / "docker/testnet.json").load().keys
    assert (BOT["TRADER__EXCHANGE__API_KEY"], BOT["TRADER__EXCHANGE__API_SECRET"]) == (key.key, key.secret)


def test_the_bot_is_told_what_it_understands(monkeypatch):
    for name, value in BOT.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.bot.mode == "testnet"
    assert settings.symbols == ("DEMOUSDT",)
    assert is_loopback(settings.exchange.base_url)
    assert settings.market.base_url == settings.exchange.base_url
