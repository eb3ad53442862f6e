"""The image built with its extras: the prediction service answers, and a worker finds its scheduler."""

import json
import re
import urllib.request

import pytest

from tests.image.conftest import TAG
from tests.image.host import HARDENED


@pytest.fixture(scope="module")
def full_image(build):
    """Everything that the image can be built with."""
    return build(f"{TAG}-extras", "--build-arg=EXTRAS=api dist")


def test_the_prediction_service_answers(engine, full_image, host):
    options = [*HARDENED, *host.options(), "--env=TRADER__API__PORT=0"]
    with engine.started(*options, full_image, "api", "--json", network="host") as container:
        log = container.wait_for('"url"', seconds=60)
        url = json.loads(re.search(r"^\{.*\"url\".*\}$", log, flags=re.MULTILINE)[0])["url"]
        with urllib.request.urlopen(f"{url}/health", timeout=20) as answer:  # noqa: S310 - loopback
            assert answer.status == 200
        assert container.stop() < 28


def test_a_worker_registers_with_its_scheduler(engine, full_image):
    place = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    with engine.started(*HARDENED, full_image, "scheduler", *place, network="host") as scheduler:
        log = scheduler.wait_for("Scheduler at:", seconds=60)
        address = re.search(r"Scheduler at: +(tcp://\S+)", log)[1]
        words = ["worker", address, "--no-nanny", "--no-dashboard", "--nthreads", "1"]
        with engine.started(*HARDENED, full_image, *words, network="host") as worker:
            worker.wait_for("Registered to", seconds=60)
            assert worker.stop() < 28
