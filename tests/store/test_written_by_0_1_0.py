"""What version 0.1.0 wrote, before commits were kept, stays readable and sealed."""

from dataclasses import replace
from pathlib import Path

import pytest

from trader.adapters.local_storage import LocalStorage
from trader.core.klines import from_ms
from trader.store.journal import Journal, seal_of
from trader.store.models import ModelStore

WRITTEN = Path(__file__).parent / "written_by_0_1_0"
SYMBOL, OPEN_TIME = "DEMOUSDT", from_ms(1_767_146_400_000)
KEYS = {
    "record.json": f"journal/{SYMBOL}/1h/2025/12/31T0200.json",
    "card.json": f"models/{SYMBOL}/1h/20251230T2300-8dd1faa1be/card.json",
}


@pytest.fixture
def storage(tmp_path):
    storage = LocalStorage(tmp_path, durable=False)
    for name, key in KEYS.items():
        storage.put(key, (WRITTEN / name).read_bytes())
    return storage


def test_a_record_without_a_commit_is_read_and_its_seal_holds(storage):
    record = Journal(storage, bot_id="bot", symbol=SYMBOL, interval="1h").read(OPEN_TIME).record
    assert (record.versions["trader"], "commit" in record.versions) == ("0.1.0", False)
    assert record.seal == seal_of(record)
    assert record.seal != seal_of(replace(record, versions={**record.versions, "commit": ""}))


def test_a_card_without_a_commit_is_read(storage):
    card = ModelStore(storage, symbol=SYMBOL, interval="1h").card("20251230T2300-8dd1faa1be")
    assert (card.versions["trader"], "commit" in card.versions) == ("0.1.0", False)
