"""Commands as a user gives them, in process, on stores that are cheap to make and copied for each test."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.archives import publish_months
from tests.builders import HOUR, random_klines
from tests.conftest import NOTHING_TOLD
from trader.cli import main
from trader.cli.output import parse_moment

CHEAP = {
    "TRADER__TRAIN__LOOK_BACK_DAYS": "30",
    "TRADER__TRAIN__N_ESTIMATORS": "20",
    "TRADER__DEMO__REPLAY_DAYS": "1",
    "TRADER__DECISION__BAND": "0",
    "TRADER__DECISION__MIN_VOLATILITY": "0",
    **NOTHING_TOLD,
}
"""A model in milliseconds, a past of one day, and a position in every hour."""

SYMBOL = "DEMOUSDT"
HISTORY = parse_moment("2024-01-01")
HISTORY_HOURS = 24 * 91
"""BTCUSDT in the archive: January to March 2024."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command gave back."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """Standard output as one JSON document, in which NaN and infinities are not allowed."""
        return dict(json.loads(self.out, parse_constant=_no_constant))


Trader = Callable[..., Answer]


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def contents(store: Path) -> dict[str, str]:
    """The digest of every object of a store by key; its locks and temporary files are not objects.

    What was told of the runs is left out: that a run has failed may be written down there, and decides nothing.
    """
    files = (path for path in sorted(store.rglob("*")) if path.is_file())
    return {
        path.relative_to(store).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not {".storage", "publication"} & set(path.relative_to(store).parts)
    }


def differing(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """The keys that were written, changed or removed."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def refused(answer: Answer, *, code: int, says: tuple[str, ...]) -> None:
    """Check that a command ended with a code and one message, on stderr only, that says these things."""
    assert answer.code == code, answer
    assert answer.err.startswith("error: "), answer
    assert "Traceback" not in answer.err
    for words in says:
        assert words in answer.err


@pytest.fixture(autouse=True)
def cheap_settings(clean_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Cheap models, and scratch stores that go away with the test."""
    for name, value in CHEAP.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def trader(capsys: pytest.CaptureFixture[str]) -> Trader:
    """Give a command and get its answer."""

    def give(*words: str) -> Answer:
        capsys.readouterr()
        code = main(list(words))
        said = capsys.readouterr()
        return Answer(code=code, out=said.out, err=said.err)

    return give


def _made(folder: Path, *commands: list[str], settings: Mapping[str, str] = MappingProxyType({})) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("TRADER")]:
            patch.delenv(name)
        for name, value in {**CHEAP, **settings}.items():
            patch.setenv(name, value)
        patch.setenv("TRADER__STORAGE__URL", str(folder))
        patch.chdir(folder.parent)
        for words in commands:
            assert main(words) == 0
    return folder


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store after the demo was given once: a replayed day, one live hour, and a word of the operator."""
    return _made(tmp_path_factory.mktemp("demo") / "store", ["demo"], ["resume", "--why", "prepared"])


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder archive with three months of a made-up BTCUSDT."""
    root = tmp_path_factory.mktemp("archive")
    publish_months(root, random_klines(HISTORY_HOURS, start=HISTORY))
    return root


@pytest.fixture(scope="session")
def history_store(tmp_path_factory: pytest.TempPathFactory, archive: Path) -> Path:
    """A store with the archive's months and one model, trained on what was before 15 March, that often turns round."""
    span = ["--start", "2024-01", "--end", "2024-03"]
    return _made(
        tmp_path_factory.mktemp("history") / "store",
        ["ingest", "--symbol", "BTCUSDT", *span, "--archive", str(archive)],
        ["train", "--symbol", "BTCUSDT", "--no-search", "--end", (HISTORY + 74 * 24 * HOUR).isoformat()],
        settings={"TRADER__TRAIN__HORIZON": "1"},
    )


def _copy(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    target = tmp_path / "store"
    shutil.copytree(source, target)
    monkeypatch.setenv("TRADER__STORAGE__URL", str(target))
    return target


@pytest.fixture
def store(demo_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's store, one's own."""
    return _copy(demo_store, tmp_path, monkeypatch)


@pytest.fixture
def history(history_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store with three months of BTCUSDT, one's own."""
    return _copy(history_store, tmp_path, monkeypatch)


@pytest.fixture
def empty_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The address of a store that nobody has used yet."""
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture
def unchanged() -> Iterator[Callable[[Path], None]]:
    """Say which stores the test must leave byte for byte as they are now."""
    before: dict[Path, dict[str, str]] = {}

    def watch(store: Path) -> None:
        before[store] = contents(store)

    yield watch
    assert before, "the test names the store that has to stay as it is"
    for store, was in before.items():
        assert differing(was, contents(store)) == set()


def model_id(store: Path, symbol: str) -> str:
    """The only model of a store."""
    (card,) = store.glob(f"models/{symbol}/1h/*/card.json")
    return card.parent.name
