"""Building and running images without a daemon: buildah and podman as root, in a store of their own.

The store is kept, its layers make the next build quick. To be rid of it:
`sudo umount /var/tmp/trader-image-test/*/overlay; sudo rm -rf /var/tmp/trader-image-test`.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
STORE = Path("/var/tmp/trader-image-test")  # noqa: S108 - root's, and big: not for the tests' own temporary folders
RUN = Path("/run/trader-image-test")
DEBIAN_TREE = "localhost/trader-base:bookworm"
STAND_IN = "localhost/trader-base:conda"
DEBIAN = "http://deb.debian.org/debian"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
CERTIFICATE = "/mnt/pip-cert.pem"
AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]


class CannotBeHad(Exception):
    """Something that is not part of the project is missing here; the message says what."""


def call(*words, timeout=60, check=True, stdin=None) -> subprocess.CompletedProcess[str]:
    """Run a command as root. A failure shows the last lines of what it printed."""
    command = [*AS_ROOT, "env", f"PATH={PATH}", "BUILDAH_ISOLATION=chroot", *map(str, words)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False, input=stdin or ""
    )
    if check and done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise AssertionError(f"{words[0]} ended with {done.returncode}:\n{tail}")
    return done


def what_is_missing() -> str:
    """Say why no image can be built here; empty when one can."""
    if AS_ROOT and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode != 0:
        return "neither root nor sudo without a password"
    lacking = [name for name in ("buildah", "podman") if not shutil.which(name, path=PATH)]
    if not oci_runtime():
        lacking.append("runc")
    return f"no {', '.join(lacking)}; scripts/install-debian.sh installs them" if lacking else ""


def oci_runtime() -> str | None:
    return next((name for name in ("runc", "crun") if shutil.which(name, path=PATH)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Buildah and podman over one store."""

    driver: str

    @property
    def layers(self) -> str:
        """Whether each step of a build is kept: vfs would copy the whole tree for each."""
        return f"--layers={self.driver != 'vfs'}".lower()

    def store(self) -> list[str]:
        return [
            "--root",
            f"{STORE}/{self.driver}",
            "--runroot",
            f"{RUN}/{self.driver}",
            "--storage-driver",
            self.driver,
        ]

    def buildah(self, *words, **options):
        return call("buildah", *self.store(), *words, **options)

    def podman(self, *words, **options):
        own = ["--tmpdir", f"{RUN}/libpod", "--runtime", oci_runtime(), "--cgroup-manager", "cgroupfs"]
        return call("podman", *self.store(), *own, *words, **options)

    def run(self, *words, network="none", **options):
        """Podman's `run` without what needs systemd and within modest limits; without any network, if not told so."""
        limits = ["--ulimit=nofile=4096:4096", "--ulimit=nproc=1000:1000"]  # podman's own may exceed what root may ask
        return self.podman("run", "--no-healthcheck", f"--network={network}", *limits, *words, **options)

    @contextmanager
    def started(self, *words, **options) -> "Iterator[Container]":
        """A container that runs in the background, and is gone afterwards."""
        name = self.run("--detach", *words, **options).stdout.strip()
        try:
            yield Container(engine=self, name=name)
        finally:
            self.podman("rm", "--force", "--time=0", "--volumes", name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One that was started: what it has said, and what is done to it."""

    engine: Engine
    name: str

    def log(self) -> str:
        """Both of its streams; the order between them is lost."""
        done = self.engine.podman("logs", self.name)
        return done.stdout + done.stderr

    def wait_for(self, text: str, *, seconds: float, times: int = 1) -> str:
        """Wait until it has said something (so many times), and return the log. It may not end before."""
        deadline = time.monotonic() + seconds
        while (log := self.log()).count(text) < times:
            code = self.code()
            assert code is None, f"ended with {code} before it said {text!r}:\n{log}"
            assert time.monotonic() < deadline, f"has not said {text!r} within {seconds} s:\n{log}"
            time.sleep(0.3)
        return log

    def code(self) -> int | None:
        """Return the exit code; None while it runs."""
        about = "{{.State.Running}} {{.State.ExitCode}}"
        running, code = self.engine.podman("inspect", f"--format={about}", self.name).stdout.split()
        return None if running == "true" else int(code)

    def wait(self, *, seconds: float) -> int:
        """Wait until it has ended by itself, and return the exit code."""
        deadline = time.monotonic() + seconds
        while (code := self.code()) is None:
            assert time.monotonic() < deadline, f"still runs after {seconds} s:\n{self.log()}"
            time.sleep(0.2)
        return code

    def execute(self, *words, user: str = "", check=True, **options) -> subprocess.CompletedProcess[str]:
        """Do something inside, as the container's own user or another."""
        who = [f"--user={user}"] if user else []
        return self.engine.podman("exec", "--interactive", *who, self.name, *words, check=check, **options)

    def stop(self, *, grace: int = 30) -> float:
        """Send TERM, and KILL after the grace; return the seconds it took."""
        began = time.monotonic()
        self.engine.podman("stop", f"--time={grace}", self.name, timeout=grace + 30)
        return time.monotonic() - began


def make_engine() -> Engine:
    """Prefer overlay; vfs works everywhere and copies everything."""
    wanted = os.environ.get("STORAGE_DRIVER")
    if wanted:
        return Engine(driver=wanted)
    overlay = Engine(driver="overlay")
    return overlay if overlay.buildah("images", check=False).returncode == 0 else Engine(driver="vfs")


def find_base(engine: Engine, *, scratch: Path) -> str:
    """Return an image to build on: the Dockerfile's own if its registry answers, else a stand-in of our making."""
    usual = re.search(r"^ARG BASE=(\S+)", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1]
    if engine.buildah("pull", "--policy=missing", usual, timeout=600, check=False).returncode == 0:
        return usual
    if engine.buildah("inspect", "--type=image", DEBIAN_TREE, check=False).returncode != 0:
        _make_debian(engine, tree=scratch / "debian")
    words = ["--format=docker", engine.layers, f"--build-arg=DEBIAN={DEBIAN_TREE}", f"--tag={STAND_IN}"]
    engine.buildah("bud", *words, ROOT / "tests/image/base", timeout=600)
    return STAND_IN


def _make_debian(engine: Engine, *, tree: Path) -> None:
    if not shutil.which("debootstrap", path=PATH):
        raise CannotBeHad("no registry answers and there is no debootstrap; scripts/install-debian.sh installs it")
    try:
        call("debootstrap", "--variant=minbase", "bookworm", tree, DEBIAN, timeout=600)
    except AssertionError as error:
        raise CannotBeHad(f"no registry answers, nor could Debian be installed: {error}") from error
    container = engine.buildah("from", "scratch").stdout.strip()
    engine.buildah("add", container, tree, "/", timeout=300)
    engine.buildah("commit", "--rm", container, DEBIAN_TREE, timeout=300)
    call("rm", "-rf", "--one-file-system", tree)


def pip_access(folder: Path, *, index: str = "") -> list[str]:
    """Let the build use the package index that this machine uses, by options that leave nothing in a layer.

    `index` is one more to ask; its address may hold a name and a password.
    """
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found = {}  # the environment, which is listed first, overrides the files
    for name, value in re.findall(r"^(?:global|site|user|install|:env:)\.([a-z-]+)=(.+)$", listed, flags=re.MULTILINE):
        found.setdefault(name, " ".join(ast.literal_eval(value).split()))
    wanted = ("index-url", "extra-index-url", "find-links", "trusted-host", "no-index", "cert")
    settings = {name: found[name] for name in wanted if name in found}
    if index:
        settings["extra-index-url"] = f"{settings.get('extra-index-url', '')} {index}".strip()
        settings["trusted-host"] = f"{settings.get('trusted-host', '')} {urlsplit(index).hostname}".strip()
    addresses = " ".join(settings.get(name, "") for name in wanted if name != "cert")
    folders = {Path(path) for path in re.findall(r"(?<!\S)/\S+", addresses)}
    folders |= {Path(path).parent for path in re.findall(r"file://(/\S+)", addresses)}  # its files lie beside an index
    volumes = [f"--volume={path}:{path}:ro" for path in sorted(folders) if path.is_dir()]
    if "cert" in settings:  # not where the base's own certificates go
        volumes.append(f"--volume={settings['cert']}:{CERTIFICATE}:ro")
        settings["cert"] = CERTIFICATE
    secret = folder / "pip.conf"
    secret.touch(mode=0o600)
    secret.write_text("\n".join(["[global]", *(f"{name} = {value}" for name, value in settings.items()), ""]))
    return [f"--secret=id=pip,src={secret}", *volumes]
