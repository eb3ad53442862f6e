"""What every test gets: an environment without the user's settings, and the real klines where there are any."""

import os
import socket
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REAL_DATA = Path(os.environ.get("TRADER_REAL_DATA", ROOT.parent / "shared" / "data"))
NOTHING_TOLD = {
    "TRADER__TRACKER__KINDS": "none",
    "TRADER__DASHBOARD__ENABLED": "false",
    "TRADER__DRIFT__ENABLED": "false",
}
"""Settings without which every run of every test would start a tracker."""

_LOOPBACK = ("127.", "localhost", "::1")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """No test sees the user's settings or writes into the checkout; what follows a run is for tests that ask for it."""
    for name in list(os.environ):
        if name.startswith("TRADER__"):
            monkeypatch.delenv(name)
    for name, value in NOTHING_TOLD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def everything_told(clean_environment, monkeypatch):
    """Runs are followed by what follows them as the settings come: tracker, dashboard, daily look."""
    for name in NOTHING_TOLD:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_outside_network(monkeypatch):
    """A test that reaches for the internet fails; loopback is fine."""
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real klines; its tests are skipped, and say so, where it is not."""
    if not (REAL_DATA / "vision").is_dir():
        pytest.skip(f"NO REAL KLINES at {REAL_DATA}: set TRADER_REAL_DATA to a copy of Binance's archive")
    return REAL_DATA
