"""The local folder fulfils the storage contract, and does so between processes, kills and wrong permissions."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.adapters.storage_contract import StorageContract
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadConfig, Conflict, Retryable

ROOT = Path(__file__).parents[2]
NOBODY = 65534


def _python(code: str, *arguments: str, **options) -> subprocess.Popen[str]:
    """Start this Python on a piece of code, in the checkout."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def _finished(processes) -> list[str]:
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), outputs
    return [output for output, _ in outputs]


class TestLocalStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        return LocalStorage(tmp_path / "store", durable=False)


class TestDurableLocalStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        return LocalStorage(tmp_path / "store")


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path / "store", durable=False)


def test_looking_something_up_in_a_folder_that_is_not_there_creates_nothing(tmp_path):
    storage = LocalStorage(tmp_path / "not" / "yet")
    assert storage.get("a/b") is None
    assert storage.keys("a/") == []
    assert list(tmp_path.iterdir()) == []


@example(key="a/b=1.json")
@given(key=st.text(alphabet="ab.-_= /\\~\n\0é:", max_size=14))
def test_no_text_names_a_place_outside_the_root_or_in_its_private_folder(key):
    root = Path("/srv/store")
    try:
        place = Path(LocalStorage(root).locate(key))
    except BadConfig:
        return
    assert os.path.normpath(place) == str(place)
    assert place.relative_to(root).as_posix() == key
    assert not any(part.startswith(".") for part in place.relative_to(root).parts)


def test_a_locked_away_temporary_file_is_never_left_behind_or_listed(storage, tmp_path):
    etag = storage.create("a", b"1")
    storage.replace("a", b"2", etag)
    with pytest.raises(Conflict):
        storage.create("a", b"3")
    assert list((tmp_path / "store/.storage/tmp").iterdir()) == []
    assert (tmp_path / "store/.storage/locks").is_dir()
    assert storage.keys("") == ["a"]


def test_files_whose_names_are_not_keys_are_nobodys_objects(storage, tmp_path):
    storage.put("a/b", b"")
    for name in (".DS_Store", "a/.b.swp", "a/notes (1).txt"):
        (tmp_path / "store" / name).write_text("foreign")
    assert storage.keys("") == ["a/b"]


def test_objects_below_a_linked_folder_are_found_and_listed(storage, tmp_path):
    elsewhere = tmp_path / "disk"
    elsewhere.mkdir()
    (elsewhere / "b").write_bytes(b"1")
    storage.put("a", b"")
    (tmp_path / "store/linked").symlink_to(elsewhere)
    assert storage.get("linked/b").data == b"1"
    assert storage.keys("linked/") == ["linked/b"]


@pytest.mark.parametrize("write", ["put", "create"])
def test_a_key_below_an_object_is_a_clear_error_and_no_conflict(storage, write):
    storage.put("a", b"1")
    for key in ("a/b", "a/b/c"):
        with pytest.raises(BadConfig, match=f"{key} would be an object and a folder at once"):
            getattr(storage, write)(key, b"2")
    assert (storage.get("a").data, storage.keys("")) == (b"1", ["a"])


@pytest.mark.parametrize("write", ["put", "create"])
def test_a_key_that_is_a_folder_is_a_clear_error_and_no_conflict(storage, write, tmp_path):
    storage.put("a/b", b"1")
    with pytest.raises(BadConfig, match="a would be an object and a folder at once"):
        getattr(storage, write)("a", b"2")
    assert storage.get("a/b").data == b"1"
    assert list((tmp_path / "store/.storage/tmp").iterdir()) == []
    with pytest.raises(BadConfig, match="object and a folder"):
        storage.get("a")


def test_a_root_that_is_a_file_is_refused_for_reading_writing_and_listing(tmp_path):
    (tmp_path / "file").write_text("mine")
    storage = LocalStorage(tmp_path / "file")
    for attempt in (lambda: storage.get("a"), lambda: storage.put("a", b""), lambda: storage.create("a", b""),
                    lambda: storage.keys(""), lambda: storage.delete("a")):  # fmt: skip
        with pytest.raises(BadConfig, match=r"storage .*file is not a folder; choose another storage\.url"):
            attempt()
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [
        (errno.ENOSPC, BadConfig, "is on a full disk; free some of it or enlarge the volume"),
        (errno.EDQUOT, BadConfig, "has used up its owner's quota; free some space or raise the quota"),
        (
            errno.EROFS,
            BadConfig,
            r"is read-only; mount a volume there that can be written, or choose another storage\.url",
        ),
        (errno.EIO, Retryable, "failed on a: .*; check the disk"),
        (errno.ESTALE, Retryable, "failed on a: .*; check the disk"),
    ],
)
def test_a_disk_that_does_not_take_it_is_told_and_leaves_nothing(tmp_path, monkeypatch, number, kind, said):
    """Only what a person has to change is final."""
    storage = LocalStorage(tmp_path / "store")
    storage.put("a", b"1")

    def fails(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(kind, match=f"storage {tmp_path}/store {said}"):
        storage.put("a", b"2")
    assert storage.get("a").data == b"1"
    assert list((tmp_path / "store/.storage/tmp").iterdir()) == []


def _as_nobody(code: str, store: Path) -> str:
    """Run code as a user who owns nothing and return what it printed."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + _UNPRIVILEGED + code
    return _finished([_python(program, str(store))])[0]


# Imports come first: the unprivileged user may not be able to read the checkout or the Python installation.
_UNPRIVILEGED = f"""
import os
from pathlib import Path
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadConfig
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
storage = LocalStorage(Path(sys.argv[1]))
def refusal(act):
    try:
        print("answered", act())
    except BadConfig as error:
        print(error)
"""


@pytest.fixture
def store_of_another(tmp_path):
    """A store that an unprivileged user reaches and may read, but not write."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder.name.startswith(("pytest-", "popen-")):
            folder.chmod(0o755)
    tmp_path.chmod(0o755)
    store = tmp_path / "store"
    LocalStorage(store, durable=False).put("a/b", b"1")
    (store / "a/b").chmod(0o644)
    yield store
    for folder in (store, store / "a", store / ".storage"):
        folder.chmod(0o755)


def _contents(store: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def test_a_folder_that_may_not_be_written_is_named_with_advice_and_unchanged(store_of_another):
    for folder in (store_of_another, store_of_another / "a", store_of_another / ".storage"):
        folder.chmod(0o555)
    before = _contents(store_of_another)
    said = _as_nobody(
        "print(storage.get('a/b').data)\n"
        "refusal(lambda: storage.put('a/b', b''))\n"
        "refusal(lambda: storage.create('c', b''))\n"
        "refusal(lambda: storage.delete('a/b'))\n",
        store_of_another,
    ).splitlines()
    assert said[0] == "b'1'"
    for line in said[1:4]:
        assert line.startswith(f"storage {store_of_another} cannot be used (Permission denied")
        assert "read and write permission (chown) or choose another storage.url" in line
    assert len(said) == 4
    assert _contents(store_of_another) == before


def test_a_folder_that_may_not_be_read_is_an_error_and_never_empty(store_of_another):
    (store_of_another / "a").chmod(0o000)
    code = (
        "refusal(lambda: storage.keys(''))\nrefusal(lambda: storage.get('a/b'))\nrefusal(lambda: storage.get('a/c'))\n"
    )
    said = _as_nobody(code, store_of_another).splitlines()
    assert [line.startswith(f"storage {store_of_another} cannot be used") for line in said] == [True] * 3


_INCREMENT = """
import sys
from pathlib import Path
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import Conflict
storage = LocalStorage(Path(sys.argv[1]), durable=False)
done = 0
while done < 50:
    found = storage.get("counter")
    try:
        storage.replace("counter", str(int(found.data) + 1).encode(), found.etag)
        done += 1
    except Conflict:
        pass
"""


@pytest.mark.slow
def test_eight_processes_that_compare_and_swap_lose_no_increment(storage, tmp_path):
    storage.create("counter", b"0")
    _finished([_python(_INCREMENT, str(tmp_path / "store")) for _ in range(8)])
    assert storage.get("counter").data == b"400"


_RACE = """
import sys, time
from pathlib import Path
from trader.adapters.local_storage import LocalStorage
from trader.core.errors import Conflict
storage, me = LocalStorage(Path(sys.argv[1]), durable=False), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for number in range(50):
    try:
        storage.create(f"race/{number}", me.encode())
        print(number)
    except Conflict:
        pass
"""


@pytest.mark.slow
def test_of_eight_processes_that_create_one_key_exactly_one_wins(storage, tmp_path):
    racers = [_python(_RACE, str(tmp_path / "store"), f"racer-{n}", stdin=subprocess.PIPE) for n in range(8)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = [output.split() for output in _finished(racers)]
    assert sorted(int(number) for numbers in won for number in numbers) == list(range(50))
    for racer, numbers in enumerate(won):
        assert all(storage.get(f"race/{number}").data == f"racer-{racer}".encode() for number in numbers)


_WRITE = """
import sys
from pathlib import Path
from trader.adapters.local_storage import LocalStorage
storage = LocalStorage(Path(sys.argv[1]), durable=False)
version = 0
while True:
    version += 1
    storage.put("object", f"{version:08d}".encode() * 40_000)
"""


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_never_leaves_half_an_object(storage, tmp_path):
    seen = set()
    for life in range(6):
        writer = _python(_WRITE, str(tmp_path / "store"))
        try:
            deadline, first = time.monotonic() + 30, len(seen)
            while time.monotonic() < deadline and len(seen) < first + 15 + life:
                found = storage.get("object")
                if found is not None:
                    assert len(found.data) == 320_000
                    assert found.data == found.data[:8] * 40_000
                    seen.add((life, found.data[:8]))
        finally:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
        found = storage.get("object")
        assert found.data == found.data[:8] * 40_000
        assert storage.keys("") == ["object"]
    assert len(seen) >= 6 * 15
    assert storage.put("object", b"after") == storage.get("object").etag
