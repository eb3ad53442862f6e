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
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
STORE = Path("/var/tmp/trader-image-test")  # noqa: S108 - root's, and big: not for the tests' own temporary folders
RUN = Path("/run/trader-image-test")
OWN_BASE = "localhost/trader-base:bookworm"
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
    if not _runtime():
        lacking.append("runc")
    return f"no {', '.join(lacking)}; scripts/install-debian.sh installs them" if lacking else ""


def _runtime() -> str | None:
    return next((name for name in ("runc", "crun") if shutil.which(name, path=PATH)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Buildah and podman over one store."""

    driver: str

    def _store(self) -> list[str]:
        return [
            "--root",
            f"{STORE}/{self.driver}",
            "--runroot",
            f"{RUN}/{self.driver}",
            "--storage-driver",
            self.driver,
        ]

    def buildah(self, *words, **options):
        return call("buildah", *self._store(), *words, **options)

    def podman(self, *words, **options):
        own = ["--tmpdir", f"{RUN}/libpod", "--runtime", _runtime(), "--cgroup-manager", "cgroupfs"]
        return call("podman", *self._store(), *own, *words, **options)

    def run(self, *words, **options):
        """Podman's `run` without what needs systemd, within modest limits, and without any network."""
        limits = ["--ulimit=nofile=4096:4096", "--ulimit=nproc=1000:1000"]  # podman's own may exceed what root may ask
        return self.podman("run", "--no-healthcheck", "--network=none", *limits, *words, **options)


def make_engine() -> Engine:
    """Prefer overlay; vfs works everywhere and copies everything."""
    wanted = os.environ.get("STORAGE_DRIVER")
    if wanted:
        return Engine(driver=wanted)
    overlay = Engine(driver="overlay")
    return overlay if overlay.buildah("images", check=False).returncode == 0 else Engine(driver="vfs")


def find_base(engine: Engine, *, scratch: Path) -> str:
    """Return an image to build on: the Dockerfile's own if its registry answers, else a plain Debian of our making."""
    usual = re.search(r"^ARG BASE=(\S+)", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1]
    if engine.buildah("pull", "--policy=missing", usual, timeout=600, check=False).returncode == 0:
        return usual
    if engine.buildah("inspect", "--type=image", OWN_BASE, check=False).returncode != 0:
        _make_debian(engine, tree=scratch / "debian")
    return OWN_BASE


def _make_debian(engine: Engine, *, tree: Path) -> None:
    if not shutil.which("debootstrap", path=PATH):
        raise CannotBeHad("no registry answers and there is no debootstrap; scripts/install-debian.sh installs it")
    try:
        call("debootstrap", "--variant=minbase", "bookworm", tree, DEBIAN, timeout=600)
    except AssertionError as error:
        raise CannotBeHad(f"no registry answers, nor could Debian be installed: {error}") from error
    container = engine.buildah("from", "scratch").stdout.strip()
    engine.buildah("add", container, tree, "/", timeout=300)
    engine.buildah("commit", "--rm", container, OWN_BASE, timeout=300)
    call("rm", "-rf", "--one-file-system", tree)


def pip_access(folder: Path) -> list[str]:
    """Let the build use the package index that this machine uses, by options that leave nothing in a layer."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found = {}  # the environment, which is listed first, overrides the files
    for name, value in re.findall(r"^(?:global|site|user|install|:env:)\.([a-z-]+)=(.+)$", listed, flags=re.MULTILINE):
        found.setdefault(name, " ".join(ast.literal_eval(value).split()))
    wanted = ("index-url", "extra-index-url", "find-links", "trusted-host", "no-index", "cert")
    settings = {name: found[name] for name in wanted if name in found}
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
