"""`trader testnet` as its own process."""

import signal
from datetime import datetime, timedelta

import pytest
from Crypto.PublicKey import ECC

from tests.archives import rows_of
from tests.builders import HOUR, START, random_klines
from tests.testnet import Control, client_of, running_process
from trader.adapters.local_storage import LocalStorage
from trader.cli import main
from trader.store.klines import KlineStore

pytestmark = pytest.mark.slow

NOW = (START + 100 * HOUR).isoformat()


def buy(about, **words):
    client = client_of(about["url"], api_key=about["key"], api_secret=about["secret"])
    try:
        return client.create_order(symbol=about["symbols"][0], side="BUY", type="MARKET", quantity="0.1", **words)
    finally:
        client.session.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_the_made_up_market_when_there_are_no_klines_and_ends_cleanly(tmp_path, number):
    with running_process(tmp_path, number=number) as about:
        assert about["symbols"] == ["DEMOUSDT"]
        assert about["note"] is None
        assert buy(about)["status"] == "FILLED"
    assert list(tmp_path.iterdir()) == []


def test_it_serves_files_and_keeps_its_account(tmp_path):
    (tmp_path / "BTCUSDT-1h.csv").write_text("\n".join(rows_of(random_klines(200))) + "\n")
    words = ("--klines", "BTCUSDT-1h.csv", "--now", NOW, "--state", "state.json")
    with running_process(tmp_path, *words) as about:
        assert about["symbols"] == ["BTCUSDT"]
        assert datetime.fromisoformat(about["now"]) - datetime.fromisoformat(NOW) < timedelta(minutes=1)
        first = buy(about, newClientOrderId="mine")
        Control(about["url"]).advance(3600)
    with running_process(tmp_path, *words) as again:
        assert (again["key"], again["secret"]) == (about["key"], about["secret"])
        assert datetime.fromisoformat(again["now"]) >= datetime.fromisoformat(NOW) + HOUR
        assert Control(again["url"]).times_placed("mine") == 1
        assert buy(again)["orderId"] == first["orderId"] + 1


def test_it_serves_the_stores_klines_and_says_when_they_have_ended(tmp_path, monkeypatch):
    store = KlineStore(LocalStorage(tmp_path / "store", durable=False))
    for symbol in ("BTCUSDT", "ETHUSDT"):
        store.append(symbol, random_klines(50))
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "store"))
    with running_process(tmp_path, "--symbol", "ETHUSDT", "--symbol", "BTCUSDT") as about:
        assert about["symbols"] == ["ETHUSDT", "BTCUSDT"]
        assert "nothing moves, give an earlier --now" in about["note"]


def test_an_ed25519_public_key_gets_an_api_key(tmp_path):
    private = ECC.generate(curve="Ed25519")
    (tmp_path / "public.pem").write_text(private.public_key().export_key(format="PEM"))
    (tmp_path / "private.pem").write_text(private.export_key(format="PEM"))
    with running_process(tmp_path, "--public-key", "public.pem") as about:
        key = about["other_keys"][0]["key"]
        client = client_of(about["url"], api_key=key, private_key=tmp_path / "private.pem")
        assert client.get_account()["canTrade"]
        client.session.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--klines", "nowhere"], "--klines nowhere does not exist"),
        (["--symbol", "BTCUSDT"], "--symbol BTCUSDT: the store has no klines of it"),
        (["--public-key", "nowhere"], "--public-key nowhere cannot be read"),
        (["--now", "yesterday"], "'yesterday' is not an ISO time"),
        (["--host", "192.0.2.1"], "--host 192.0.2.1 --port 8081 cannot be used"),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_reason(capsys, words, said):
    assert main(["testnet", *words]) == 3
    assert said in capsys.readouterr().err


def test_a_damaged_state_is_refused(tmp_path, capsys):
    (tmp_path / "state.json").write_text("{")
    assert main(["testnet", "--state", "state.json"]) == 3
    assert "state.json is damaged; nothing was changed" in capsys.readouterr().err
