"""From an empty bucket to a decision, unattended, with the model's settings as they come and the archive near."""

import time

import pytest

from tests.builders import random_klines, ticked
from tests.image.host import HARDENED, published, running_host
from tests.worlds import SMALL_MODEL
from trader.core.klines import from_ms

KLINES = ticked(random_klines(34 * 30 * 24, seed=8, price=60000.0))
LAST = from_ms(KLINES.open_time[-30])
UNDER = 300
"""Seconds; what is aimed at on two cores."""


@pytest.fixture
def long_host(tmp_path, bucket_server):
    """An exchange and an archive with as many klines as a training looks at, and an empty bucket."""
    archive = published(tmp_path / "archive", KLINES)
    with running_host(tmp_path, s3=bucket_server, archive=archive, start=LAST) as running:
        yield running


def test_an_empty_bucket_is_filled_a_model_trained_and_the_hour_decided_without_anybody(
    engine, image, long_host, notes
):
    options = long_host.options(**dict.fromkeys(SMALL_MODEL, ""))
    began = time.monotonic()
    with engine.started(*HARDENED, *options, image, network="host") as container:
        log = container.wait_for("cron is up", seconds=UNDER)
    seconds = time.monotonic() - began
    (record,) = long_host.records()
    keys = long_host.keys()
    raw = [key for key in keys if "/raw/" in key and key.endswith(".zip")]
    assert len(raw) >= 24, log
    assert [key for key in keys if key.endswith("/champion.json")]
    assert record["status"] == "completed"
    assert record["inputs"]["p_up"] is not None
    assert record["key"]["open_time"].startswith(f"{LAST:%Y-%m-%dT%H}")
    assert seconds < UNDER
    notes.append(f"catch-up from an empty bucket, {len(raw)} months, one fit of the default recipe: {seconds:.1f} s")
