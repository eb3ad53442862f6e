"""Keys are planted and looked for in everything that a process says and keeps, with all logs on and when it breaks.

The commands run in processes of their own, whose logging is on before the first line of this package is.
"""

import base64
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from Crypto.PublicKey import ECC

from tests.builders import random_klines, ticked
from tests.conftest import ROOT
from tests.desks import FIRST
from tests.testnet import Control
from tests.worlds import World, trading_world
from trader.bootstrap import build_bot, build_setup, open_exchange, open_storage
from trader.config import load_settings
from trader.simulator.testnet.security import new_public_key

pytestmark = pytest.mark.slow

KLINES = ticked(random_klines(1500, seed=6, price=60000.0))
AWS_SECRET = "canary+of/aws+0123456789abcdefghijklmnop"
WRONG = "CanaryWrongSecret0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijk"

EVERY_LOG = "import logging, sys\nlogging.basicConfig(level=logging.DEBUG, stream=sys.stderr)\n"

GIVE = """
import json, os, sys
from trader.cli import main
for environment, words in json.loads(sys.argv[1]):
    os.environ.update(environment)
    print(f"{words} ended with {main(words)}", file=sys.stderr)
"""

GOOD_DAY = (
    ["doctor"],
    ["run"],
    ["run", "--json"],
    ["status"],
    ["status", "--json"],
    ["doctor", "--json"],
    ["verify", "--symbol", "BTCUSDT"],
    ["ledger", "rebuild"],
    ["chart"],
    ["halt", "--why", "x"],
)

BAD_DAY = (
    ({}, ["run", "--at", "2024-01-01"]),
    ({}, ["run", "--symbol", "XYZUSDT"]),
    ({"TRADER__EXCHANGE__API_SECRET": WRONG}, ["run"]),
    ({}, ["doctor"]),
    ({"TRADER__EXCHANGE__API_KEY": WRONG}, ["run"]),
    ({}, ["doctor", "--json"]),
    ({"TRADER__EXCHANGE__API_SECRET": f"{WRONG} "}, ["run"]),
    ({}, ["doctor"]),
    ({"TRADER__EXCHANGE__PRIVATE_KEY": "gone.pem"}, ["run"]),
    ({"TRADER__EXCHANGE__API_SECRET": ""}, ["run"]),
    ({"TRADER__EXCHANGE__BASE_URL": "https://api.binance.com"}, ["run"]),
    ({}, ["doctor"]),
    ({"TRADER__EXCHANGE__API_TOKEN": WRONG}, ["run"]),
    ({}, ["doctor", "--json"]),
)

BUGS = (
    ("trader.adapters.binance.exchange", "BinanceExchange", "balances", {}),
    ("trader.adapters.binance.client", "Connection", "ask", {}),
    ("trader.adapters.binance.api", "Api", "read_signed", {}),
    ("trader.adapters.s3_storage.storage", "S3Storage", "create", {}),
    ("binance.base_client", "BaseClient", "_generate_signature", {}),
    ("trader.adapters.binance.exchange", "BinanceExchange", "submit", {}),
    ("trader.adapters.binance.keys", "Credentials", "scrubbed", {"TRADER__EXCHANGE__API_KEY": WRONG}),
)

BREAK = """
import json, os, sys, traceback
from importlib import import_module
from trader.cli import main
for module, name, method, environment in json.loads(sys.argv[1]):
    class_ = getattr(import_module(module), name)
    true = getattr(class_, method)
    def buggy(self, *words, **more):
        shown = vars(self) if module.startswith("trader.") and hasattr(self, "__dict__") else ""
        raise ValueError(f"a forced bug in {method}: {self!r} {words!r} {shown!r}")
    setattr(class_, method, buggy)
    os.environ.update(environment)
    try:
        main(["run"])
    except ValueError:
        traceback.print_exc()
    setattr(class_, method, true)
setattr(class_, method, buggy)
sys.exit(main(["run"]))
"""


@dataclass(frozen=True)
class Said:
    """What a process gave back."""

    code: int
    text: str


@pytest.fixture(scope="module")
def private():
    """An Ed25519 key that the venue knows."""
    return ECC.generate(curve="Ed25519")


@pytest.fixture
def world(tmp_path, monkeypatch, private):
    """A bot in testnet mode with its store in a bucket; whatever is secret is a canary."""
    key = new_public_key(private.public_key().export_key(format="PEM"))
    with trading_world(tmp_path, {"BTCUSDT": KLINES}, first=FIRST, storage="s3", keys=(key,)) as running:
        running.environment["AWS_SECRET_ACCESS_KEY"] = AWS_SECRET
        running.enter(monkeypatch)
        running.move_to_run(FIRST)
        yield running


def canaries(world: World, *more: str) -> dict[str, str]:
    """What nobody may ever see, in the forms in which it might be seen."""
    secret = {world.net.secret, world.net.key, world.net.venue.keys[-1].key, AWS_SECRET, WRONG, *more}
    return {
        form: each
        for each in secret
        for form in (each, quote(each, safe=""), base64.b64encode(each.encode()).decode().rstrip("="))
    }


def seen(text: str, secret: dict[str, str]) -> list[str]:
    return [
        f"{form} in ...{text[max(text.index(form) - 200, 0) : text.index(form)]}" for form in secret if form in text
    ]


def process(folder: Path, script: str, *words: str, site: str = EVERY_LOG, **environment: str) -> Said:
    """Run Python with every log on; `site` is what it does before anything else."""
    (folder / "site").mkdir(exist_ok=True)
    (folder / "site" / "sitecustomize.py").write_text(site)
    path = f"{folder / 'site'}{os.pathsep}{ROOT}"
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        env={**os.environ, **environment, "PYTHONPATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Said(code=done.returncode, text=done.stdout + done.stderr)


def kept() -> str:
    """All objects of the configured store as text, tables spelt out."""
    storage = open_storage(load_settings())
    try:
        texts = []
        for key in storage.keys(""):
            data = storage.get(key).data
            texts += [key, data.decode("latin-1")]
            if key.endswith(".parquet"):
                table = pq.read_table(io.BytesIO(data))
                texts += [str(table.to_pydict()), str(table.schema.metadata)]
        return "\n".join(texts)
    finally:
        storage.close()


def test_a_good_day_tells_no_secret_in_output_logs_store_or_the_venues_log(world, tmp_path, capfd, caplog):
    caplog.set_level("DEBUG")
    said = process(tmp_path, GIVE, json.dumps([({}, words) for words in GOOD_DAY]))
    assert said.code == 0, said.text
    assert "/api/v3/account?" in said.text, "the logs have to be on"
    assert "DEBUG:urllib3" in said.text
    assert "DEBUG:botocore" not in said.text, "it would write session tokens"
    assert said.text.count("ended with 0") == len(GOOD_DAY), said.text[-3000:]
    assert world.net.control.orders()["orders"] != []
    secret = canaries(world)
    assert seen(said.text, secret) == []
    store = kept()
    assert "journal/BTCUSDT" in store
    assert seen(store, secret) == []
    requests = json.dumps(Control(world.net.url).requests())
    assert "/api/v3/account" in requests
    assert seen(requests, secret) == []
    assert "signature" not in requests
    server = capfd.readouterr()
    assert seen(server.out + server.err + caplog.text, canaries(world)) == []


def test_a_bad_day_tells_none_either(world, tmp_path):
    said = process(tmp_path, GIVE, json.dumps(BAD_DAY))
    assert said.code == 0, said.text
    assert said.text.count("ended with 3") == len(BAD_DAY), said.text[-3000:]
    for words in ("code -1022", "code -2015", "gone.pem cannot be read", "orders may not go to", "API_TOKEN"):
        assert words in said.text
    assert seen(said.text, canaries(world)) == []
    assert seen(kept(), canaries(world)) == []


def test_a_secret_that_was_put_into_the_storages_address_is_not_repeated(world, tmp_path):
    address = f"http://key:{quote(AWS_SECRET, safe='')}@127.0.0.1:9"
    said = process(tmp_path, GIVE, json.dumps([({}, ["run"])]), site="", AWS_ENDPOINT_URL_S3=address)
    assert "http://127.0.0.1:9 gave no answer" in said.text
    assert "ended with 75" in said.text
    assert seen(said.text, canaries(world)) == []


def test_a_bug_in_the_middle_of_it_shows_a_traceback_without_a_secret(world, tmp_path):
    said = process(tmp_path, BREAK, json.dumps(BUGS))
    assert said.code == 1, said.text[-2000:]
    for _, _, method, _ in BUGS:
        assert f"ValueError: a forced bug in {method}: " in said.text
    assert said.text.count("Traceback") > len(BUGS), "the last one ends the process"
    assert seen(said.text, canaries(world)) == []
    assert seen(kept(), canaries(world)) == []


def test_an_ed25519_key_is_told_nowhere(world, private, tmp_path):
    pem = private.export_key(format="PEM")
    (tmp_path / "key.pem").write_text(pem)
    secret = canaries(world, *(line for line in pem.splitlines() if not line.startswith("-")))
    with_it = {
        "TRADER__EXCHANGE__API_SECRET": "",
        "TRADER__EXCHANGE__API_KEY": world.net.venue.keys[-1].key,
        "TRADER__EXCHANGE__PRIVATE_KEY": "key.pem",
    }
    damaged = {"TRADER__EXCHANGE__PRIVATE_KEY": "damaged.pem"}
    (tmp_path / "damaged.pem").write_text(pem[:-40])
    words = [(with_it, ["doctor"]), ({}, ["run"]), (damaged, ["run"]), ({}, ["doctor"])]
    said = process(tmp_path, GIVE, json.dumps(words))
    assert (said.text.count("ended with 0"), said.text.count("ended with 3")) == (2, 2), said.text[-3000:]
    assert seen(said.text, secret) == []
    assert seen(kept(), secret) == []


def test_nothing_that_can_be_printed_shows_a_secret(world):
    settings = load_settings()
    bot, setup, exchange = build_bot(settings), build_setup(settings), open_exchange(settings)
    texts = [
        *(
            repr(settings),
            str(settings),
            repr(settings.exchange),
            settings.model_dump_json(),
            str(settings.model_dump()),
        ),
        *(repr(bot), repr(setup), repr(exchange), repr(vars(exchange)), repr(bot.storage), repr(vars(bot.storage))),
    ]
    assert "BinanceExchange" in repr(exchange)
    assert seen("\n".join(texts), canaries(world)) == []
    bot.storage.close()
