"""docker/compose.yml as a person uses it: built and brought up by podman-compose, taken down, and brought up again."""

import importlib.util
import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from tests.containers import AS_ROOT, PATH, ROOT, RUN, Container, Engine, oci_runtime
from tests.image.conftest import not_here
from tests.s3_server import S3Server
from trader.adapters.s3_storage import S3Storage

PROJECT = "trader-compose-test"
COMPOSE = yaml.safe_load((ROOT / "docker/compose.yml").read_text())
SERVICES = tuple(COMPOSE["services"])
LIMITS = '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=1000:1000"]\n'
MOVE = "import sys, urllib.request as u; u.urlopen('http://127.0.0.1:8081/_control/clock', sys.argv[1].encode())"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The project of compose.yml, with ports of its own."""

    engine: Engine
    folder: Path
    s3_port: int
    mlflow_port: int

    def compose(self, *words: str) -> None:
        """Say something to podman-compose, whose podman is the engine's."""
        podman = self.folder / "podman"
        command = ["-m", "podman_compose", "--podman-path", podman, "--in-pod", "0", "-p", PROJECT]
        ports = {"S3_PORT": str(self.s3_port), "MLFLOW_PORT": str(self.mlflow_port)}
        done = subprocess.run(
            [sys.executable, *command, "-f", ROOT / "docker/compose.yml", *words],
            env={**os.environ, **ports},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def up(self) -> str:
        """Bring everything up, and return what the bot has said when cron is up.

        Podman without systemd does no health checks, and so does not wait where compose.yml says so: that is done here,
        by the file's own words.
        """
        self.compose("up", "--detach", "--no-build", *(name for name in SERVICES if name != "bot"))
        deadline = time.monotonic() + 120
        for name in COMPOSE["services"]["bot"]["depends_on"]:
            test = COMPOSE["services"][name]["healthcheck"].get("test", ["CMD", "true"])
            while self.container(name).execute(*test[1:], check=False).returncode != 0:
                assert time.monotonic() < deadline, self.container(name).log()
                time.sleep(0.5)
        self.compose("up", "--detach", "--no-build", "bot")
        return self.container("bot").wait_for("cron is up", seconds=120)

    def container(self, service: str) -> Container:
        return Container(engine=self.engine, name=f"{PROJECT}_{service}_1")

    def records(self, monkeypatch) -> dict[str, dict]:
        """The journal, from outside."""
        S3Server(endpoint=f"http://127.0.0.1:{self.s3_port}", bucket="trader").apply(monkeypatch)
        storage = S3Storage("trader", "bot")
        try:
            return {key: json.loads(storage.get(key).data) for key in storage.keys("journal/")}
        finally:
            storage.close()

    def asked(self, path: str, *, port: int, body: bytes | None = None) -> str:
        with urlopen(f"http://127.0.0.1:{port}/{path}", data=body, timeout=20) as answer:
            return answer.read().decode()


@pytest.fixture(scope="module")
def stack(engine, image, build, tmp_path_factory) -> Iterator[Stack]:
    """Everything is built; nothing is up yet."""
    if importlib.util.find_spec("podman_compose") is None:
        not_here("no podman-compose; it is in requirements-dev.txt")
    for target in ("s3", "mlflow"):
        build(f"localhost/trader-{target}:compose", "--file=docker/services.Dockerfile", f"--target={target}")
    engine.podman("tag", image, "localhost/trader:compose")
    folder = tmp_path_factory.mktemp("compose")
    (folder / "containers.conf").write_text(LIMITS)
    settings = [f"PATH={PATH}", f"CONTAINERS_CONF={folder / 'containers.conf'}"]
    where = [*engine.store(), f"--tmpdir={RUN}/libpod", f"--runtime={oci_runtime()}", "--cgroup-manager=cgroupfs"]
    podman = shlex.join([*AS_ROOT, "env", *settings, "podman", *where])
    (folder / "podman").write_text(f'#!/bin/sh\nexec {podman} "$@"\n')
    (folder / "podman").chmod(0o755)
    stack = Stack(engine=engine, folder=folder, s3_port=free_port(), mlflow_port=free_port())
    try:
        yield stack
    finally:
        stack.compose("down", "--volumes")


def test_it_comes_up_trades_is_taken_down_and_goes_on_where_it_was(stack, monkeypatch):
    assert "DEMOUSDT: done" in stack.up()
    (first,) = stack.records(monkeypatch).values()
    assert first["status"] == "completed"
    assert {name: hardening(stack.container(name)) for name in SERVICES} == dict.fromkeys(SERVICES, NOTHING)
    assert "<!DOCTYPE html>" in stack.asked("trader/bot/dashboard/index.html", port=stack.s3_port)

    stack.compose("down")
    assert "tracker mlflow" not in stack.up()
    next_hour = datetime.now(UTC).replace(minute=0, second=20, microsecond=0) + timedelta(hours=1)
    stack.container("testnet").execute("python", "-c", MOVE, json.dumps({"now": next_hour.isoformat()}))
    done = stack.container("bot").execute("trader", "run")
    assert "DEMOUSDT: done" in done.stdout
    assert "missed" not in done.stdout
    assert "tracker mlflow" not in done.stderr
    records = stack.records(monkeypatch)
    assert first in records.values()
    assert len(records) > 1
    found = json.loads(stack.asked("api/2.0/mlflow/experiments/search?max_results=10", port=stack.mlflow_port))
    assert len(found["experiments"]) > 1  # MLflow's own default one is there from the beginning
    assert stack.container("testnet").execute("python", "/opt/testnet/clock.py").returncode == 0


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


NOTHING = ("true", "10001:10001", [], "true")


def hardening(container: Container) -> tuple[str, str, list[str], str]:
    """Whether the file system is read-only, who it runs as, its capabilities, and that it gets no more of them."""
    about = "{{.HostConfig.ReadonlyRootfs}} {{.Config.User}} {{json .EffectiveCaps}} {{json .HostConfig.SecurityOpt}}"
    read_only, user, capabilities, options = container.engine.podman(
        "inspect", f"--format={about}", container.name
    ).stdout.split(maxsplit=3)
    return read_only, user, json.loads(capabilities) or [], str("no-new-privileges" in options).lower()
