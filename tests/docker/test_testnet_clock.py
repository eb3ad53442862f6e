"""docker/testnet_clock.py: a testnet that answers is well, and one whose machine has slept is moved on."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.builders import random_klines
from tests.testnet import running_testnet

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "docker/testnet_clock.py"


def look(url: str) -> int:
    return subprocess.run([sys.executable, SCRIPT, url], capture_output=True, check=False).returncode


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_is_behind_is_moved_to_now_and_one_that_was_moved_ahead_is_left(hours):
    now = datetime.now(UTC)
    with running_testnet({"BTCUSDT": random_klines(50, seed=1)}, now=now + timedelta(hours=hours)) as net:
        assert look(net.url) == 0
        wanted = now + timedelta(hours=max(hours, 0))
        assert timedelta(0) <= net.control.now() - wanted < timedelta(seconds=10)


def test_a_testnet_that_does_not_answer_is_not_well():
    assert look("http://127.0.0.1:9") == 1
