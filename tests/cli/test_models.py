"""`trader models` as a user gives it: looking changes nothing, every refusal is clear, every word is kept."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import CHEAP, Trader, contents, differing, refused
from trader.cli import main

BTC = ("--symbol", "BTCUSDT")
WHY = (*BTC, "--why", "so")
UNKNOWN = "20200101T0000-0123456789"
FOLDER = "models/BTCUSDT/1h"


@pytest.fixture(scope="session")
def two_store(tmp_path_factory: pytest.TempPathFactory, history_store: Path) -> Path:
    """The store with three months of BTCUSDT and a second model, which does not decide."""
    folder = tmp_path_factory.mktemp("two") / "store"
    shutil.copytree(history_store, folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CHEAP.items():
            patch.setenv(name, value)
        patch.setenv("TRADER__STORAGE__URL", str(folder))
        assert main(["train", *BTC, "--no-search", "--end", "2024-03-20"]) == 0
    return folder


@pytest.fixture
def two(two_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """It, one's own."""
    shutil.copytree(two_store, tmp_path / "two")
    monkeypatch.setenv("TRADER__STORAGE__URL", str(tmp_path / "two"))
    return tmp_path / "two"


@pytest.fixture
def ids(two: Path) -> list[str]:
    return sorted(card.parent.name for card in two.glob(f"{FOLDER}/*/card.json"))


def test_looking_changes_nothing(trader: Trader, two, ids, unchanged):
    unchanged(two)
    for words in (
        ("list",),
        ("list", "--json"),
        ("show", *BTC),
        ("show", ids[1], *BTC, "--json"),
        ("diff", ids[1], *BTC),
    ):
        answer = trader("models", *words)
        assert (answer.code, answer.err) == (0, ""), answer


def test_the_list_says_what_every_model_is_and_why(trader: Trader, two, ids):
    listed = trader("models", "list", *BTC).out.splitlines()
    assert listed[0] == f"BTCUSDT 1h: champion {ids[0]}"
    assert listed[1].split()[:2] == [ids[0], "champion"]
    assert listed[1].endswith(": the first model")
    assert listed[2].split()[:2] == [ids[1], "trained"]
    (found,) = trader("models", "list", *BTC, "--json").json()["symbols"]
    assert (found["symbol"], found["champion"], found["pin"], found["finished"]) == ("BTCUSDT", ids[0], None, None)
    assert [(each["model_id"], each["state"]) for each in found["models"]] == [
        (ids[0], "champion"),
        (ids[1], "trained"),
    ]


def test_an_empty_store_has_no_models_and_stays_empty(trader: Trader, empty_store):
    answer = trader("models", "list", *BTC)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[0] == "BTCUSDT 1h: champion none"
    refused(trader("models", "show", *BTC), code=3, says=("BTCUSDT 1h has no champion yet", "trader train"))
    refused(trader("models", "show", UNKNOWN, *BTC), code=3, says=(f"there is no model {UNKNOWN}", "none yet"))
    refused(trader("models", "rollback", *WHY), code=3, says=("has no champion yet",))
    refused(trader("models", "pin", *WHY), code=3, says=("has no champion that could be pinned",))
    assert not empty_store.exists()


def test_a_model_is_shown_with_its_card_its_life_and_whether_it_can_be_used(trader: Trader, two, ids):
    answer = trader("models", "show", *BTC)
    lines = {line.split()[0]: line.split(None, 1)[-1] for line in answer.out.splitlines()}
    assert answer.out.splitlines()[0] == f"{ids[0]}: champion, decides"
    assert (lines["params.max_depth"], lines["trees"], lines["symbol"]) == ("3.0", "can be read", "BTCUSDT")
    assert lines["features"].startswith("ma_5, ma_10")
    assert [line.split()[3:6] for line in answer.out.splitlines()[-3:]] == [
        ["new", ">", "trained"],
        ["trained", ">", "challenger"],
        ["challenger", ">", "champion"],
    ]
    found = trader("models", "show", ids[1], *BTC, "--json").json()
    assert (found["card"]["model_id"], found["state"], found["decides"]) == (ids[1], "trained", False)
    assert [event["to_state"] for event in found["events"]] == ["trained"]


def test_a_promotion_and_the_way_back(trader: Trader, two, ids):
    answer = trader("models", "promote", ids[1], *BTC, "--why", "better\x1b in  March")
    assert answer.out == f"BTCUSDT: {ids[1]} decides from the next run on; until now {ids[0]} did\n"
    assert json.loads((two / FOLDER / "champion.json").read_bytes())["why"] == "better in March"
    before = contents(two)
    again = trader("models", "promote", ids[1], *WHY, "--json").json()
    assert (again["champion"], again["changed"]) == (ids[1], False)
    assert differing(before, contents(two)) == set()
    assert trader("models", "rollback", *WHY, "--json").json()["champion"] == ids[0]
    events = trader("models", "show", ids[1], *BTC, "--json").json()["events"]
    assert [(event["to_state"], event["why"]) for event in events[1:3]] == [
        ("challenger", "better in March"),
        ("champion", "better in March"),
    ]
    refused(trader("models", "rollback", *WHY), code=3, says=(f"no champion before {ids[0]}", "models promote"))


def test_what_is_too_old_to_decide_is_promoted_with_a_warning(trader: Trader, two, ids, monkeypatch):
    monkeypatch.setenv("TRADER__BOT__MODE", "dry-run")
    answer = trader("models", "promote", ids[1], *WHY)
    assert answer.code == 0
    assert answer.err.startswith("warning: it has seen nothing after 2024-03-19 23:00 UTC")


def test_a_pinned_champion_is_replaced_only_with_unpin(trader: Trader, two, ids, unchanged):
    assert trader("models", "pin", *WHY).out == f"BTCUSDT: champion {ids[0]} is pinned\n"
    assert trader("models", "pin", *WHY).out.endswith("is pinned already; nothing changed\n")
    assert "pinned by " in trader("models", "list", *BTC).out
    unchanged(two)
    says = (f"champion {ids[0]} is pinned (so)", "--unpin")
    refused(trader("models", "promote", ids[1], *WHY), code=3, says=says)
    refused(trader("train", *BTC, "--no-search", "--end", "2024-03-20", "--promote"), code=3, says=says)


def test_a_pin_is_let_go_alone_or_with_a_promotion(trader: Trader, two, ids):
    trader("models", "pin", *WHY)
    assert trader("models", "pin", *WHY, "--off", "--json").json() == {
        "symbol": "BTCUSDT",
        "champion": ids[0],
        "pinned": False,
        "changed": True,
    }
    trader("models", "pin", *WHY)
    assert trader("models", "promote", ids[1], *WHY, "--unpin").code == 0
    assert "pinned by" not in trader("models", "list", *BTC).out


def test_two_models_are_told_apart(trader: Trader, two, ids):
    answer = trader("models", "diff", ids[1], *BTC)
    lines = answer.out.splitlines()
    assert lines[:3] == ["model_id", f"  {ids[1]}", f"  {ids[0]}"]
    assert "last" in lines
    assert "params.max_depth" not in lines
    assert lines[-1].startswith("decisions differ on ")
    assert "of 1000 klines from " in lines[-1]
    found = trader("models", "diff", ids[1], ids[0], *BTC, "--json").json()
    assert found["differing"]["model_id"] == [ids[1], ids[0]]
    assert 0 <= found["decisions"]["opposite"] <= found["decisions"]["differ"] <= 1
    same = trader("models", "diff", ids[0], *BTC, "--json").json()
    assert (same["differing"], same["decisions"]["differ"]) == ({}, 0.0)


def test_rejected_models_are_pruned_by_the_setting(trader: Trader, two, ids, monkeypatch):
    assert trader("models", "prune", *BTC, "--json").json() == {"removed": {"BTCUSDT": []}}
    number = len(list(two.glob(f"{FOLDER}/log/*.json")))
    event = json.loads((two / f"{FOLDER}/log/{number:08d}.json").read_bytes())
    event |= {"model_id": ids[1], "from_state": "trained", "to_state": "rejected"}
    (two / f"{FOLDER}/log/{number + 1:08d}.json").write_text(json.dumps(event))
    assert trader("models", "prune", *BTC, "--json").json() == {"removed": {"BTCUSDT": []}}, "50 are kept"
    monkeypatch.setenv("TRADER__MODELS__KEEP", "0")
    assert trader("models", "prune", *BTC).out.splitlines()[1:] == [ids[1]]
    assert sorted(path.name for path in (two / FOLDER / ids[1]).iterdir()) == ["card.json"]
    assert "removed" in trader("models", "list", *BTC).out
    refused(trader("models", "promote", ids[1], *WHY), code=4, says=("model.ubj is missing", "train again"))
    assert "model.ubj is missing" in trader("models", "show", ids[1], *BTC).out
    assert "cannot be compared" in trader("models", "diff", ids[1], *BTC).out


@pytest.mark.parametrize(
    "words",
    [("show", UNKNOWN, *BTC), ("promote", UNKNOWN, *WHY), ("diff", UNKNOWN, *BTC), ("diff", "{0}", UNKNOWN, *BTC)],
)
def test_an_unknown_model_is_refused_with_those_there_are(words, trader: Trader, two, ids, unchanged):
    unchanged(two)
    answer = trader("models", *(word.format(*ids) for word in words))
    refused(answer, code=3, says=(f"there is no model {UNKNOWN}", ids[0], ids[1]))


@pytest.mark.parametrize("model", ["", "../../bot.json", "champion"])
def test_what_is_no_id_is_refused(model: str, trader: Trader, two, ids, unchanged):
    unchanged(two)
    for words in (
        ("show", model, *BTC),
        ("promote", model, *WHY),
        ("diff", model, *BTC),
        ("diff", ids[0], model, *BTC),
    ):
        refused(trader("models", *words), code=3, says=("is not a model id",))


def test_a_word_without_a_reason_is_refused(trader: Trader, two, ids, unchanged):
    unchanged(two)
    refused(
        trader("models", "promote", ids[1], *BTC, "--why", " "), code=3, says=("--why is empty", "log of the models")
    )
    refused(trader("models", "pin", *BTC, "--why", ""), code=3, says=("--why is empty",))
    assert trader("models", "rollback", *BTC).code == 2


@pytest.mark.parametrize(
    ("pattern", "command"),
    [
        (f"{FOLDER}/champion.json", ("list",)),
        (f"{FOLDER}/champion.json", ("promote", "{1}", *WHY)),
        (f"{FOLDER}/log/00000002.json", ("list",)),
        (f"{FOLDER}/log/00000002.json", ("promote", "{1}", *WHY)),
        (f"{FOLDER}/log/00000002.json", ("pin", *WHY)),
        (f"{FOLDER}/{{1}}/card.json", ("show", "{1}", *BTC)),
        (f"{FOLDER}/{{1}}/card.json", ("promote", "{1}", *WHY)),
        (f"{FOLDER}/{{1}}/card.json", ("diff", "{1}", *BTC)),
        (f"{FOLDER}/{{1}}/model.ubj", ("promote", "{1}", *WHY)),
    ],
)
@pytest.mark.parametrize("damage", ["cut off", "newer"])
def test_what_is_damaged_or_newer_is_named_and_nothing_changes(
    *, damage: str, pattern: str, command, trader: Trader, two, ids, unchanged
):
    path = two / pattern.format(*ids)
    data = path.read_bytes()
    if damage == "newer" and path.suffix == ".json":
        path.write_text(json.dumps({**json.loads(data), "schema": 99}))
    else:
        path.write_bytes(data[: len(data) // 2])
    unchanged(two)
    words = [word.format(*ids) for word in command]
    refused(trader("models", *words, *(() if "--symbol" in words else BTC)), code=4, says=(path.name,))


def test_the_models_of_another_bot_are_not_touched(trader: Trader, store, monkeypatch, unchanged):
    monkeypatch.setenv("TRADER__BOT__ID", "other")
    unchanged(store)
    refused(trader("models", "list"), code=3, says=("belongs to bot 'bot'",))
    refused(trader("models", "pin", "--symbol", "DEMOUSDT", "--why", "so"), code=3, says=("belongs to bot 'bot'",))
