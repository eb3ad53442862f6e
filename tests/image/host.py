"""What a container under test meets on this machine: `trader testnet` as a process, and a real S3 server's bucket.

Prices are a random walk made here; the testnet's clock starts a minute after an hour's close and goes as clocks go.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.session

from tests.archives import publish_months
from tests.builders import HOUR, random_klines, ticked
from tests.conftest import ROOT
from tests.desks import FIRST
from tests.s3_server import REGION, S3Server
from tests.testnet import Control, running_process
from tests.worlds import NEVER_DUE, SMALL_MODEL
from trader.core.klines import Klines, close_of

KLINES = ticked(random_klines(1500, seed=6, price=60000.0))
START = FIRST + HOUR
"""A bot that begins with this kline sends an order in each of its first three hours."""

PREFIX = "bots/one"
HARDENED = ["--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp", "--cap-drop=all"]
HARDENED += ["--security-opt=no-new-privileges"]
"""Everything that a container can be denied. `--read-only-tmpfs` makes podman's read-only like Docker's."""

PATIENT = {
    "TRADER__EXCHANGE__RECV_WINDOW_MS": "3000",
    "TRADER__EXCHANGE__LAG_SECONDS": "0.5",
    "TRADER__RUN__LEASE_SECONDS": "4",
    "TRADER__MARKET__WAIT_SECONDS": "2",
    "TRADER__DRIFT__ENABLED": "false",
    "TRADER__LOG__FORMAT": "json",
    "TRADER__LOG__LEVEL": "info",
}
"""Short waits, though such that a busy machine keeps within them; and log lines as infra/bot.yml asks for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A bot's exchange and its empty store."""

    url: str
    key: str
    secret: str
    s3: S3Server
    archive: Path

    @property
    def control(self) -> Control:
        return Control(self.url)

    @property
    def environment(self) -> dict[str, str]:
        """What a bot has to be told, in a container on this machine's network."""
        return {
            **{name: value for name, value in self.s3.environment.items() if not name.endswith("_FILE")},
            "TRADER__STORAGE__URL": f"{self.s3.url}/{PREFIX}",
            "TRADER__BOT__MODE": "testnet",
            "TRADER__BOT__SYMBOLS": "BTCUSDT",
            "TRADER__MARKET__BASE_URL": self.url,
            "TRADER__MARKET__ARCHIVE": "/archive",
            "TRADER__EXCHANGE__BASE_URL": self.url,
            "TRADER__EXCHANGE__API_KEY": self.key,
            "TRADER__EXCHANGE__API_SECRET": self.secret,
            **SMALL_MODEL,
            **PATIENT,
            **NEVER_DUE,
        }

    def options(self, **changes: str) -> list[str]:
        """Podman's options for a bot of this host; an empty value takes a variable away."""
        given = self.environment | changes
        told = [f"--env={name}={value}" for name, value in given.items() if value]
        return [*told, f"--volume={self.archive}:/archive:ro"]

    def next_hour(self) -> datetime:
        """Move the clock to a minute after the close of the next hour and return the open time of its kline."""
        at = self.control.now().replace(minute=0, second=0, microsecond=0)
        self.control.move_to(at + timedelta(hours=1, minutes=1))
        return at

    def keys(self) -> list[str]:
        """All objects of the bucket."""
        with _client(self.s3) as client:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.s3.bucket)
            return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        with _client(self.s3) as client:
            return client.get_object(Bucket=self.s3.bucket, Key=key)["Body"].read()

    def records(self) -> list[dict[str, Any]]:
        """The journal, oldest first."""
        return [json.loads(self.read(key)) for key in sorted(self.keys()) if f"{PREFIX}/journal/" in key]

    def placed(self) -> dict[str, int]:
        """How often each client order id was placed."""
        return {name: count["placed"] for name, count in self.control.orders()["by_client_order_id"].items()}


@contextmanager
def _client(s3: S3Server) -> Iterator[Any]:
    client = botocore.session.Session().create_client(
        "s3",
        region_name=REGION,
        endpoint_url=s3.endpoint,
        aws_access_key_id="testing",
        aws_secret_access_key="testing-secret",
    )
    try:
        yield client
    finally:
        client.close()


def crontab(file: Path, *, when: str) -> str:
    """The option that mounts the shipped crontab with another schedule."""
    text, changed = re.subn(r"^[\d,]+ \* \* \* \* ", f"{when} ", (ROOT / "cron-job").read_text(), flags=re.MULTILINE)
    assert changed == 1
    file.write_text(text)
    file.chmod(0o644)
    return f"--volume={file}:/opt/trader/cron-job:ro"


def published(folder: Path, klines: Klines = KLINES) -> Path:
    """A folder archive with klines, readable by everybody."""
    publish_months(folder, klines)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@contextmanager
def running_host(folder: Path, *, s3: S3Server, archive: Path, start: datetime = START) -> Iterator[Host]:
    """A testnet with a fresh account, in the first minutes after the kline of `start`, and an empty bucket."""
    now = close_of(start, "1h") + timedelta(minutes=1)
    with running_process(folder, "--klines", str(archive), "--now", now.isoformat()) as net:
        yield Host(url=net["url"], key=net["key"], secret=net["secret"], s3=s3.another_bucket(), archive=archive)
