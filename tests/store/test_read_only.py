"""A storage that is only read: writes that mend are noted and not done, all others are refused."""

import pytest

from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadConfig
from trader.store.read_only import ReadOnly


@pytest.fixture
def real(tmp_path):
    storage = LocalStorage(tmp_path, durable=False)
    storage.create("a/b", b"1")
    return storage


def test_everything_can_be_read(real):
    storage = ReadOnly(real)
    assert storage.get("a/b") == real.get("a/b")
    assert storage.get("a/c") is None
    assert storage.keys("a/") == ["a/b"]
    assert storage.locate("a/b") == real.locate("a/b")


def test_a_mending_write_is_noted_and_not_done(real):
    storage = ReadOnly(real)
    storage.put("a/b", b"2")
    assert storage.unmended == ["a/b"]
    assert real.get("a/b").data == b"1"


@pytest.mark.parametrize(
    "write",
    [
        lambda storage: storage.create("a/c", b"2"),
        lambda storage: storage.replace("a/b", b"2", storage.get("a/b").etag),
        lambda storage: storage.delete("a/b"),
    ],
)
def test_any_other_write_is_refused(real, write):
    with pytest.raises(BadConfig, match="only reads"):
        write(ReadOnly(real))
    assert (real.keys(""), real.get("a/b").data) == (["a/b"], b"1")
