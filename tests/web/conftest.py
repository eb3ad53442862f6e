"""A real Chromium, and dashboards to open in it: one of a demo's store, and one where everything is wrong."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.web.opened import Opened
from tests.web.stores import demo_store, files_of, troubled_site

WIDTHS = (1280, 390)


@dataclass(frozen=True)
class Site:
    """A dashboard in a folder, and where its page is."""

    folder: Path

    @property
    def url(self) -> str:
        return (self.folder / "index.html").as_uri()


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium; without one the tests are skipped, and fail where CI promises it."""
    path = os.environ.get("TRADER_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        why = "NO CHROMIUM: scripts/install-debian.sh installs it, or name one in TRADER_CHROMIUM"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> Path:
    """The store of a demo that has traded, trained and has a challenger waiting, with its dashboard."""
    return demo_store(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def site(store) -> Site:
    return Site(folder=store / "dashboard")


@pytest.fixture(scope="session")
def troubled(site, tmp_path_factory) -> Site:
    """The same dashboard with texts that are HTML, a bot that is late, and files that are missing or damaged."""
    folder = tmp_path_factory.mktemp("troubled") / "dashboard"
    shutil.copytree(site.folder, folder)
    troubled_site(folder)
    return Site(folder=folder)


@pytest.fixture(scope="session")
def served(store) -> str:
    """The address of the demo's dashboard as `trader dashboard`, a process of its own, serves it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADER__")}
    environment |= {"TRADER__STORAGE__URL": str(store)}
    command = [
        sys.executable,
        "-c",
        "import sys; from trader.cli import main; sys.exit(main())",
        "dashboard",
        "--port=0",
    ]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=store) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().split()[0]
        finally:
            server.terminate()
        assert server.wait(timeout=10) == 0


@pytest.fixture
def show(browser):
    """Open pages of a site at a width: `show(url, width)`; afterwards nothing may have gone wrong in any of them."""
    opened = []

    def open_at(url: str, width: int = 1280, *, expects_errors: bool = False) -> Opened:
        opened.append(Opened(browser, url=url, width=width, expects_errors=expects_errors))
        return opened[-1]

    yield open_at
    for each in opened:
        each.close()
    for each in opened:
        each.check()


@pytest.fixture(scope="session")
def facts(site):
    """What the data files of the demo's dashboard hold, by name."""
    return files_of(site.folder)
