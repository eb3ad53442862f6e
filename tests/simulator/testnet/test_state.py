"""What outlives the server."""

import stat
from dataclasses import replace
from datetime import timedelta

import pytest
from Crypto.PublicKey import ECC

from tests.builders import HOUR, random_klines
from tests.simulator.testnet.conftest import NOW
from tests.testnet import Asker, make_venue
from trader.core.errors import BadConfig
from trader.simulator.testnet.exchange import Exchange
from trader.simulator.testnet.security import new_public_key

KLINES = {"BTCUSDT": random_klines(200, price=40000.0)}


def start(path, *, now=NOW, **options):
    return Asker(Exchange(make_venue(KLINES, now=now, ticking=False, state=path, **options)))


def test_account_key_and_history_come_back(tmp_path):
    first = start(tmp_path / "state.json")
    first.buy(newClientOrderId="mine")
    first.bid("30000")
    first.control("POST", "faults", {"kind": "wipe"})
    first.buy(newClientOrderId="after")
    again = start(tmp_path / "state.json")
    assert again.venue.keys == first.venue.keys
    assert again.venue.account == first.venue.account
    assert again.control("GET", "orders") == first.control("GET", "orders")
    assert again.buy(newClientOrderId="after")["orderId"] == 2
    assert again.control("GET", "orders")["by_client_order_id"]["after"] == {"placed": 2, "executed": 2}


def test_the_time_does_not_go_back_with_a_restart(tmp_path):
    first = start(tmp_path / "state.json")
    first.venue.move_clock(NOW + 5 * HOUR)
    assert start(tmp_path / "state.json").venue.clock.now() == NOW + 5 * HOUR
    assert start(tmp_path / "state.json", now=NOW + 9 * HOUR).venue.clock.now() == NOW + 9 * HOUR


def test_what_happened_while_the_server_was_away_fills_resting_orders(tmp_path):
    first = start(tmp_path / "state.json")
    price = KLINES["BTCUSDT"].low[101:180].min() + 1
    number = first.bid(f"{price:.2f}")["orderId"]
    again = start(tmp_path / "state.json", now=NOW + timedelta(hours=90))
    assert again.value("GET", "order", symbol="BTCUSDT", orderId=number)["status"] == "FILLED"


def test_only_the_owner_can_read_the_file(tmp_path):
    start(tmp_path / "deep" / "state.json").buy()
    files = list((tmp_path / "deep").iterdir())
    assert [file.name for file in files] == ["state.json"]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600


def test_a_write_that_was_cut_off_does_not_stop_the_next_one(tmp_path):
    (tmp_path / ".state.json.new").write_text("half")
    start(tmp_path / "state.json").buy()
    assert [file.name for file in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-20], lambda _: "", lambda _: "[]", lambda text: text.replace('"now"', '"x"')]
)
def test_a_damaged_file_is_refused_and_left_alone(tmp_path, damage):
    path = tmp_path / "state.json"
    first = start(path)
    first.buy()
    text = damage(path.read_text())
    path.write_text(text)
    with pytest.raises(BadConfig, match="is damaged; nothing was changed") as refusal:
        start(path)
    assert first.venue.keys[0].secret not in str(refusal.value)
    assert path.read_text() == text


def test_a_damaged_account_is_refused_too(tmp_path):
    path = tmp_path / "state.json"
    start(path)
    path.write_text(path.read_text().replace("next_order_id", "nothing"))
    with pytest.raises(BadConfig, match="damaged"):
        start(path)


def test_another_versions_file_is_refused(tmp_path):
    path = tmp_path / "state.json"
    start(path)
    path.write_text(path.read_text().replace('"schema_number":1', '"schema_number":99'))
    with pytest.raises(BadConfig, match="another version"):
        start(path)


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadConfig, match="cannot be"):
        start(tmp_path / "file" / "state.json")


def test_a_registered_public_key_keeps_its_name(tmp_path):
    public = make_public_key()
    first = start(tmp_path / "state.json", keys=(public,))
    again = start(tmp_path / "state.json", keys=(replace(public, key="y" * 64),))
    assert [key.key for key in first.venue.keys] == [key.key for key in again.venue.keys]
    assert len(again.venue.keys) == 2


def make_public_key():
    return new_public_key(ECC.generate(curve="Ed25519").public_key().export_key(format="PEM"))
