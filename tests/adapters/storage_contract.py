"""What every object storage has to do, as one class of tests: an adapter's tests inherit it and give it a `storage`."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from trader.core.errors import BadConfig, Conflict
from trader.ports import ObjectStorage

ESCAPING = (
    "../x",
    "/abs",
    "a//b",
    ".hidden",
    "a/../b",
    "",
    "a/./b",
    ".storage/x",
    "a/",
    "a\n",
    "a b",
    "a\\b",
    "a/.b",
    "ä",
)


class StorageContract:
    """Override `storage` with a fixture that returns an empty one."""

    @pytest.fixture
    def storage(self) -> ObjectStorage:
        raise NotImplementedError

    @pytest.mark.parametrize("data", [b"text", b"", bytes(range(256)) * 3, b"\r\n\x00\xff"])
    def test_what_is_put_is_read_back_byte_for_byte(self, storage, data):
        etag = storage.put("a/b.bin", data)
        found = storage.get("a/b.bin")
        assert (found.data, found.etag) == (data, etag)

    def test_five_megabytes_come_back_unchanged(self, storage):
        data = bytes(range(251)) * 20_000
        storage.put("large", data)
        assert storage.get("large").data == data

    def test_what_was_never_written_is_absent(self, storage):
        assert storage.get("a/b") is None
        assert storage.keys("") == []
        storage.put("a/b", b"1")
        assert [storage.get(key) for key in ("a/b/c", "a/bb", "b")] == [None] * 3

    def test_put_overwrites(self, storage):
        storage.put("a", b"1")
        etag = storage.put("a", b"2")
        assert (storage.get("a").data, storage.get("a").etag) == (b"2", etag)

    def test_the_tag_changes_with_the_content(self, storage):
        first, second = storage.put("a", b"1"), storage.put("a", b"2")
        assert first != second

    def test_create_writes_once_and_then_conflicts_without_changing_anything(self, storage):
        etag = storage.create("a/b", b"mine")
        with pytest.raises(Conflict, match="a/b"):
            storage.create("a/b", b"yours")
        assert (storage.get("a/b").data, storage.get("a/b").etag) == (b"mine", etag)

    def test_create_conflicts_with_what_was_put_even_with_equal_content(self, storage):
        storage.put("a", b"")
        with pytest.raises(Conflict):
            storage.create("a", b"")

    def test_replace_swaps_when_the_tag_is_current(self, storage):
        old = storage.create("a", b"1")
        new = storage.replace("a", b"2", old)
        assert (storage.get("a").data, storage.get("a").etag) == (b"2", new)
        assert storage.replace("a", b"3", new) != new

    def test_replace_with_a_stale_tag_conflicts_and_changes_nothing(self, storage):
        old = storage.put("a", b"1")
        current = storage.put("a", b"2")
        with pytest.raises(Conflict, match="a"):
            storage.replace("a", b"3", old)
        assert (storage.get("a").data, storage.get("a").etag) == (b"2", current)

    def test_replace_of_what_is_gone_conflicts_and_writes_nothing(self, storage):
        etag = storage.put("a", b"1")
        storage.delete("a")
        with pytest.raises(Conflict):
            storage.replace("a", b"2", etag)
        assert storage.get("a") is None

    @pytest.mark.parametrize("tag", ["", "*", '"*"', "foreign", '"0cc175b9c0f1b6a831c399e269772661"'])
    def test_replace_with_a_tag_that_was_never_given_conflicts_and_changes_nothing(self, storage, tag):
        etag = storage.put("a", b"1")
        with pytest.raises(Conflict, match="a"):
            storage.replace("a", b"2", tag)
        assert (storage.get("a").data, storage.get("a").etag) == (b"1", etag)
        with pytest.raises(Conflict):
            storage.replace("never/was", b"2", tag)
        assert storage.keys("") == ["a"]

    def test_every_write_returns_a_tag_that_the_next_one_can_name_without_reading(self, storage):
        etag = storage.create("a", b"0")
        for number in range(1, 4):
            etag = storage.replace("a", str(number).encode(), etag)
        etag = storage.replace("a", b"4", storage.get("a").etag)
        assert storage.replace("a", b"5", storage.put("a", b"between")) != etag
        assert storage.get("a").data == b"5"

    def test_what_was_deleted_can_be_created_again_and_the_old_tag_is_worthless(self, storage):
        old = storage.create("a", b"1")
        storage.delete("a")
        new = storage.create("a", b"2")
        with pytest.raises(Conflict):
            storage.replace("a", b"3", old)
        assert (storage.get("a").data, storage.get("a").etag) == (b"2", new)

    def test_of_threads_that_create_one_key_exactly_one_wins(self, storage):
        barrier = Barrier(4)

        def create(me: int) -> list[int]:
            won = []
            for number in range(5):
                barrier.wait(timeout=30)
                try:
                    storage.create(f"race/{number}", str(me).encode())
                    won.append(number)
                except Conflict:
                    pass
            return won

        with ThreadPoolExecutor(4) as pool:
            won = list(pool.map(create, range(4)))
        assert sorted(number for numbers in won for number in numbers) == [0, 1, 2, 3, 4]
        for me, numbers in enumerate(won):
            assert all(storage.get(f"race/{number}").data == str(me).encode() for number in numbers)

    def test_threads_that_compare_and_swap_lose_no_increment(self, storage):
        storage.create("counter", b"0")

        def increment(_: int) -> None:
            done = 0
            while done < 5:
                found = storage.get("counter")
                try:
                    storage.replace("counter", str(int(found.data) + 1).encode(), found.etag)
                    done += 1
                except Conflict:
                    pass

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(increment, range(4)))
        assert storage.get("counter").data == b"20"

    def test_delete_removes_and_is_fine_with_what_is_not_there(self, storage):
        storage.put("a/b", b"1")
        storage.delete("a/b")
        assert storage.get("a/b") is None
        assert storage.keys("") == []
        storage.delete("a/b")
        storage.delete("never/was")
        assert storage.create("a/b", b"2") == storage.get("a/b").etag

    def test_keys_are_sorted_and_go_by_prefix_not_by_folder(self, storage):
        for key in ("b/2", "b/10", "ab", "a/z", "a/b/c", "a-1/x", "abc/d"):
            storage.put(key, b"")
        assert storage.keys("") == ["a-1/x", "a/b/c", "a/z", "ab", "abc/d", "b/10", "b/2"]
        assert storage.keys("a/") == ["a/b/c", "a/z"]
        assert storage.keys("a") == ["a-1/x", "a/b/c", "a/z", "ab", "abc/d"]
        assert storage.keys("ab") == ["ab", "abc/d"]
        assert storage.keys("b/1") == ["b/10"]
        assert storage.keys("a/b/c") == ["a/b/c"]
        assert storage.keys("a/z/") == []
        assert storage.keys("nothing/here/") == []

    def test_delete_leaves_the_neighbours(self, storage):
        for key in ("a/b", "a/b.json", "a/bc", "ab"):
            storage.put(key, b"")
        storage.delete("a/b")
        assert storage.keys("") == ["a/b.json", "a/bc", "ab"]

    def test_names_of_every_allowed_letter_come_back_as_they_were_written(self, storage):
        keys = sorted(
            ["=a/b=1/c.d.e", "-", "_/-/=", "A/b", "a/B", f"long/{'n' * 200}", "2026/11/20T1600.json", "a.", "0"]
        )
        for key in keys:
            storage.put(key, key.encode())
        assert storage.keys("") == keys
        assert [storage.get(key).data.decode() for key in keys] == keys

    def test_keys_list_only_what_was_written(self, storage):
        storage.create("a", b"1")
        storage.replace("a", b"2", storage.get("a").etag)
        storage.put("b", b"")
        assert storage.keys("") == ["a", "b"]

    @pytest.mark.parametrize("key", ESCAPING)
    def test_keys_that_escape_are_refused_by_every_method(self, storage, key):
        for attempt in (
            lambda: storage.get(key),
            lambda: storage.put(key, b""),
            lambda: storage.create(key, b""),
            lambda: storage.replace(key, b"", "etag"),
            lambda: storage.delete(key),
            lambda: storage.locate(key),
        ):
            with pytest.raises(BadConfig, match="not allowed"):
                attempt()
        assert storage.keys("") == []

    @pytest.mark.parametrize("prefix", ["../", "/etc/", "..", "a//", ".storage/", "a/../", "a/.", "a\n"])
    def test_prefixes_that_escape_are_refused(self, storage, prefix):
        with pytest.raises(BadConfig, match="not allowed"):
            storage.keys(prefix)

    def test_the_place_of_a_key_names_it(self, storage):
        assert storage.locate("a/b.json").endswith("a/b.json")
