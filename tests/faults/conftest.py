"""The past that all scenes share, and scenes by name of their storage."""

import pytest

pytest.register_assert_rewrite("tests.faults.scenes", "tests.faults.books")

from tests.builders import HOUR  # noqa: E402 - after they are registered
from tests.faults.scenes import DONE, NOW, Past, be_quick, lived_past, scene_of  # noqa: E402

HOURS = 4


@pytest.fixture(scope="session")
def past(tmp_path_factory) -> Past:
    """The hour before, lived once."""
    with pytest.MonkeyPatch.context() as patch:
        return lived_past(tmp_path_factory.mktemp("past"), patch)


@pytest.fixture(scope="session")
def twin(past, tmp_path_factory):
    """The records of a bot that nothing ever happens to, by kline."""
    with pytest.MonkeyPatch.context() as patch, scene_of(past, tmp_path_factory.mktemp("twin"), patch) as scene:
        for hour in range(HOURS):
            assert scene.run_at(NOW + hour * HOUR) == DONE
        return {record.key.open_time: record for record in scene.records()}


@pytest.fixture
def scene(past, tmp_path, monkeypatch):
    """A scene with its store in a folder."""
    be_quick(monkeypatch)
    with scene_of(past, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def scene_on(past, tmp_path, monkeypatch):
    """A function from a kind of storage to a scene that is kept there."""
    be_quick(monkeypatch)
    return lambda storage: scene_of(past, tmp_path, monkeypatch, storage=storage)
