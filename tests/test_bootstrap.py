"""The composition root: which storage an address means, and what the settings become."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.store.records import hourly, run_key
from trader.bootstrap import costs_of, demo_now, open_storage, recipe_of, versions
from trader.config import load_settings
from trader.core.errors import BadConfig
from trader.core.indicators import feature_names
from trader.store.journal import Journal
from trader.version import running


def opened(url):
    return open_storage(load_settings(storage={"url": url}), durable=False)


def test_without_an_address_each_mode_has_a_folder_of_its_own_below_the_working_directory(tmp_path):
    for mode in ("demo", "dry-run"):
        storage = open_storage(load_settings(bot={"mode": mode}))
        assert storage.locate("a/b") == str(tmp_path / "trader-data" / mode / "a/b")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_taken_as_written_and_made_absolute(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert opened("here/it is#1?").locate("a") == str(tmp_path / "here/it is#1?" / "a")
    assert opened("/srv/trader").locate("a") == "/srv/trader/a"
    assert opened("~/trader").locate("a") == "/home/somebody/trader/a"


def test_a_relative_folder_does_not_follow_a_later_change_of_directory(tmp_path, monkeypatch):
    storage = opened("here")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    storage.put("a", b"1")
    assert (tmp_path / "here/a").read_bytes() == b"1"


@pytest.mark.parametrize("url", ["file:///srv/my%20store", "file://localhost/srv/my%20store"])
def test_a_file_address_is_unquoted(url):
    assert opened(url).locate("a") == "/srv/my store/a"


@pytest.mark.parametrize("url", ["gs://bucket", "http://host/x", "ftp://x"])
def test_another_kind_of_address_is_refused_and_told_what_fits(url):
    with pytest.raises(
        BadConfig, match=rf"storage\.url '{url}': \w+:// is not supported; use a folder, file:///path or s3://"
    ):
        opened(url)


@pytest.mark.parametrize("url", ["file://srv/trader", "file://~/trader", "file:///a?b", "file:///a#b", "file://"])
def test_a_file_address_that_means_something_else_than_it_says_is_refused(url):
    with pytest.raises(BadConfig, match="write file:///absolute/path"):
        opened(url)


def test_a_new_demo_begins_just_after_the_close_of_its_first_hour():
    settings = load_settings(demo={"start": "2025-06-01T00:30:00Z"})
    assert demo_now(settings, open_storage(settings)) == datetime(2025, 6, 1, 1, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("interval", ["1h", "4h"])
def test_a_demo_that_has_lived_goes_on_with_the_next_kline(interval):
    settings = load_settings(bot={"interval": interval})
    storage = open_storage(settings, durable=False)
    newest = datetime(2025, 6, 1, 8, tzinfo=UTC)
    key = replace(run_key(newest), symbol="DEMOUSDT", interval=interval)
    Journal(storage, bot_id="bot", symbol="DEMOUSDT", interval=interval).save_state(hourly(newest, key=key))
    step = timedelta(hours=int(interval[0]))
    assert demo_now(settings, storage) == newest + 2 * step + timedelta(seconds=5)


def test_the_recipe_is_the_train_section_and_nothing_else():
    train = {"features": "nine", "look_back_days": 30, "n_estimators": 5, "max_depth": 4, "learning_rate": 0.2,
             "subsample": 0.6, "colsample_bytree": 0.7, "gamma": 1.0, "seed": 3}  # fmt: skip
    recipe = recipe_of(load_settings(train=train))
    assert (recipe.features, recipe.look_back_days, recipe.rounds, recipe.seed) == (feature_names("nine"), 30, 5, 3)
    assert recipe.params == {name: train[name] for name in
                             ("max_depth", "learning_rate", "subsample", "colsample_bytree", "gamma")}  # fmt: skip


def test_the_costs_beside_every_figure_are_the_configured_ones():
    costs = costs_of(load_settings(costs={"fee_rate": 0.00075, "slippage_rate": 0.0001}))
    assert (costs.fee_rate, costs.slippage_rate) == (0.00075, 0.0001)
    assert str(costs) == "fee 7.5 bp, slippage 1 bp a side"


def test_the_versions_name_what_numbers_depend_on():
    found = versions()
    assert (found["trader"], found["commit"]) == (running().version, running().commit)
    assert set(found) == {"trader", "commit", "python", "numpy", "talib", "xgboost", "machine"}
    assert all(Decimal(found[name].split(".")[0]) >= 0 for name in ("python", "numpy", "xgboost"))


@pytest.mark.parametrize("url", ["ftp://me:hunter2@host/x", "file://me:hunter2@host/x"])
def test_what_may_be_a_password_in_an_address_is_not_repeated(url):
    with pytest.raises(BadConfig) as refused:
        opened(url)
    assert "hunter2" not in str(refused.value)
