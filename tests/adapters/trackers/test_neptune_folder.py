"""The folder of an offline run, and what a process that was killed leaves in it."""

import sys
import uuid
from types import ModuleType

import pytest

from trader.adapters.trackers.neptune_folder import kept_folder
from trader.core.errors import BadConfig

RUN = uuid.UUID("8ea9a877-9983-5071-9ddb-c1975d800576")
MODULE = "internal.operation_processors.offline_operation_processor"


@pytest.fixture
def place(tmp_path):
    return tmp_path / ".neptune" / "offline" / f"run__{RUN}__0__trader"


@pytest.fixture
def client(monkeypatch):
    """A client of its own, of which only the function counts that says where an offline run is."""
    names = ["client", *(f"client.{MODULE}".rsplit(".", cut)[0] for cut in (2, 1, 0))]
    for name in names:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    module = sys.modules[names[-1]]
    module.get_container_full_path = lambda *_args: None
    return module


def write(client, *, text, count, name="data-1.log"):
    """Append to an operation log as the client does, and say how many operations there are."""
    place = client.get_container_full_path("offline", "some id", "run")
    place.mkdir(parents=True, exist_ok=True)
    with (place / name).open("a") as log:
        log.write(text)
    (place / "last_put_version").write_text(str(count))


def killed():
    """What is done inside ends in the middle."""
    return pytest.raises(KeyboardInterrupt)


def test_each_process_appends_to_what_the_one_before_it_left(client, place, tmp_path):
    usual = client.get_container_full_path
    for count, text in enumerate(("a\n", "b\n"), 1):
        with kept_folder(tmp_path, library="client", run_id=RUN):
            write(client, text=text, count=count)
    assert (place / "data-1.log").read_text() == "a\nb\n"
    assert client.get_container_full_path is usual


def test_what_a_killed_process_wrote_is_cut_off(client, place, tmp_path):
    with kept_folder(tmp_path, library="client", run_id=RUN):
        write(client, text="a\n", count=1)
    with killed(), kept_folder(tmp_path, library="client", run_id=RUN):
        write(client, text='{"hal', count=2)
        write(client, text="c\n", count=3, name="data-3.log")
        raise KeyboardInterrupt
    with kept_folder(tmp_path, library="client", run_id=RUN):
        assert (place / "data-1.log").read_text() == "a\n"
        assert (place / "last_put_version").read_text() == "1"
        assert not (place / "data-3.log").exists()
        write(client, text="b\n", count=2)
    assert (place / "data-1.log").read_text() == "a\nb\n"


def test_a_folder_whose_first_process_was_killed_is_begun_anew(client, place, tmp_path):
    with killed(), kept_folder(tmp_path, library="client", run_id=RUN):
        write(client, text="hal", count=1)
        raise KeyboardInterrupt
    with kept_folder(tmp_path, library="client", run_id=RUN):
        write(client, text="a\n", count=1)
    assert (place / "data-1.log").read_text() == "a\n"


def test_a_client_that_keeps_its_runs_elsewhere_is_not_taken_for_one_that_does_not(client, tmp_path):
    assert client is sys.modules[f"client.{MODULE}"]
    with (
        pytest.raises(BadConfig, match="keeps offline runs elsewhere"),
        kept_folder(tmp_path, library="client", run_id=RUN),
    ):
        pass
