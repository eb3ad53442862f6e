"""The service over HTTP: its predictions are those of the next run, are kept, and follow the champion."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cli.api.served import served
from tests.cli.conftest import SYMBOL, Trader, contents, differing
from trader.bootstrap import open_storage
from trader.config import load_settings
from trader.store.predictions import read_predictions

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def nothing_is_remembered(monkeypatch):
    """The service reads anew for each request; a run never trains."""
    monkeypatch.setenv("TRADER__API__REFRESH_SECONDS", "0")
    monkeypatch.setenv("TRADER__RETRAIN__TIMING", "external")
    monkeypatch.setenv("TRADER__TRACKER__KINDS", "none")


def kept(store):
    """The predictions that were kept, by key."""
    return {path.relative_to(store).as_posix(): path.read_bytes() for path in store.glob("predictions/*/*/*/*.json")}


def run(trader: Trader):
    """Do the next run, and return its record as the journal has it."""
    assert trader("run").code == 0
    return trader("status", "--json").json()["symbols"][0]["record"]


def test_predictions_equal_the_next_runs_and_are_all_that_is_written(store, trader: Trader):
    with served() as api:
        for _ in range(3):
            before = contents(store)
            reply = api.predict()
            assert reply.status == 200
            written = differing(before, contents(store))
            assert {name.split("/")[0] for name in written} == {"predictions"}
            assert kept(store)[written.pop()] == reply.body, "what is kept is what was answered"
            found = reply.json()["prediction"]
            record = run(trader)
            inputs = record["inputs"]
            assert (found["p_up"], found["features"]) == (inputs["p_up"], inputs["features"])
            assert found["klines_digest"] == inputs["klines_digest"]
            assert (found["exposure"], found["reason"]) == (record["decision"]["target"], record["decision"]["reason"])
            row = api.predict(inputs["features"]).json()["prediction"]
            assert (row["subject"], row["p_up"]) == ("row", inputs["p_up"])
    storage = open_storage(load_settings())
    day = json.loads(reply.body)["at"][:10]
    assert len(read_predictions(storage, symbol=SYMBOL, interval="1h", day=day)) == 6
    assert trader("verify", "--symbol", SYMBOL).code == 0, "the journal knows nothing of them"


def test_a_promotion_is_followed_without_a_restart(store, trader: Trader):
    with served() as api:
        first = api.predict().json()["prediction"]
        assert trader("train", "--symbol", SYMBOL, "--no-search", "--end", "2025-12-30T12:00Z", "--promote").code == 0
        second = api.predict().json()["prediction"]
        models = api.ask("/models").json()["symbols"][0]
    assert second["model_id"] != first["model_id"]
    assert models["champion"] == second["model_id"]
    assert {each["model_id"]: each["state"] for each in models["models"]} == {
        first["model_id"]: "retired",
        second["model_id"]: "champion",
    }
    assert run(trader)["inputs"]["p_up"] == second["p_up"]


def test_an_answer_is_used_again_until_it_is_old_but_every_one_has_an_id_and_is_kept(store, monkeypatch):
    monkeypatch.setenv("TRADER__API__REFRESH_SECONDS", "3600")
    with served() as api, ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: api.predict(), range(40)))
        other = contents(store)
        shutil.rmtree(store / "klines")
        assert api.predict().status == 200
        assert differing(other, contents(store)) >= {f"klines/{SYMBOL}/1h/2026-01.parquet"}
    assert {reply.status for reply in replies} == {200}
    answers = [reply.json() for reply in replies]
    assert len({answer["prediction_id"] for answer in answers}) == 40
    assert len({json.dumps(answer["prediction"]) for answer in answers}) == 1
    assert len(kept(store)) == 41


def test_no_answer_outlives_the_close_of_the_next_kline(store, trader: Trader, monkeypatch):
    monkeypatch.setenv("TRADER__API__REFRESH_SECONDS", "3600")
    with served() as api:
        first = api.predict().json()["prediction"]
        record = run(trader)
        second = api.predict().json()["prediction"]
    assert first["open_time"] == "2026-01-01T01:00:00Z"
    assert second["open_time"] == "2026-01-01T02:00:00Z"
    assert (second["held"], second["p_up"]) == (record["decision"]["target"], run(trader)["inputs"]["p_up"])


def test_rows_and_klines_are_asked_for_at_once_and_each_gets_its_own_answer(store):
    with served() as api, ThreadPoolExecutor(8) as pool:
        features = api.predict().json()["prediction"]["features"]
        rows = [{**features, "rsi_7": 20.0 + 2 * number, "mfi_21": 70.0 - 2 * number} for number in range(24)]
        alone = [api.predict(row).json()["prediction"]["p_up"] for row in rows]
        together = list(pool.map(lambda row: api.predict(row).json()["prediction"], rows))
    assert [each["p_up"] for each in together] == alone
    assert [each["features"]["rsi_7"] for each in together] == [row["rsi_7"] for row in rows]
    assert len(set(alone)) > 1


def test_a_row_is_refused_with_the_names_that_are_wrong(store):
    with served() as api:
        features = api.predict().json()["prediction"]["features"]
        before = kept(store)
        body = json.dumps({"features": {**features, "ma_5": float("nan"), "ma_10": "high", "x": True}})
        reply = api.ask("/predict", method="POST", body=body.replace('"ma_15"', '"ma_16"'))
        assert (reply.status, reply.error) == (422, "unfit-row")
        assert reply.json()["error"]["names"] == {
            "unknown": ["ma_16", "x"],
            "missing": ["ma_15"],
            "not a number": ["ma_5", "ma_10", "x"],
        }
        assert kept(store) == before
        empty = api.ask("/predict", method="POST", body="")
        assert (empty.status, empty.json()["prediction"]["subject"]) == (200, "latest")


def test_what_cannot_be_kept_is_not_answered(store):
    (store / "predictions").write_text("in the way")
    with served() as api:
        reply = api.predict()
        assert (reply.status, reply.error) == (503, "not-ready")
        assert "p_up" not in reply.body.decode()
        assert 'trader_predictions_total{subject="latest",symbol="DEMOUSDT"} 0.0' in api.ask("/metrics").body.decode()


def test_a_store_that_is_gone_is_503_and_back_again_200(store):
    with served() as api:
        assert api.ask("/health").status == 200
        away = store.rename(store.with_name("away"))
        assert api.ask("/health").json()["status"] == "store-unreadable"
        assert {api.ask(path).status for path in ("/health", "/predict")} == {503}
        assert not store.exists(), "asking must not make another one"
        away.rename(store)
        assert {api.ask(path).status for path in ("/health", "/predict")} == {200}


def test_another_bots_store_and_a_damaged_one_are_told_apart(store, monkeypatch):
    monkeypatch.setenv("TRADER__BOT__ID", "other")
    with served() as api:
        assert (api.predict().status, api.predict().error) == (503, "not-ready")
        assert api.ask("/health").status == 503
    monkeypatch.delenv("TRADER__BOT__ID")
    (store / "models" / SYMBOL / "1h" / "champion.json").write_bytes(b"{")
    with served() as api:
        assert (api.predict().status, api.predict().error) == (500, "bad-data")


def test_a_bot_that_never_ran_is_healthy_and_has_no_prediction(empty_store):
    with served() as api:
        health = api.ask("/health")
        assert (health.status, health.json()["symbols"]) == (200, {SYMBOL: {"newest": None, "age_seconds": None}})
        assert (api.predict().status, api.predict().error) == (503, "no-model")
        assert api.ask("/metrics").status == 200
    assert not empty_store.exists()


def test_a_halted_bot_is_healthy_and_predicts_that_it_stays_flat(store, trader: Trader):
    assert trader("halt", "--why", "holidays").code == 0
    with served() as api:
        assert api.ask("/health").status == 200
        found = api.predict().json()["prediction"]
        assert (found["exposure"], found["reason"]) == (0.0, "control-halt")


def test_figures_are_those_of_the_newest_run(store, trader: Trader, monkeypatch):
    monkeypatch.setenv("TRADER__DASHBOARD__ENABLED", "true")
    record = run(trader)
    with served() as api:
        api.predict()
        api.ask("/nowhere")
        reply = api.ask("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = dict(line.rsplit(" ", 1) for line in reply.body.decode().splitlines() if not line.startswith("#"))
    figures = {name: float(value) for name, value in lines.items()}
    paper = record["state"]["paper"]
    label = f'{{symbol="{SYMBOL}"}}'
    assert figures[f"trader_paper_return_net{label}"] == paper["net"]
    assert figures[f"trader_paper_return_gross{label}"] == paper["gross"]
    assert figures[f"trader_exposure{label}"] == paper["exposure"]
    assert figures[f"trader_p_up{label}"] == record["inputs"]["p_up"]
    assert figures[f"trader_trigger_sum{label}"] == record["trigger"]["cumulative"]
    assert figures[f"trader_halted{label}"] == 0
    assert figures[f"trader_last_run_age_seconds{label}"] == 3605, "the demo's next hour has just closed"
    assert figures[f'trader_predictions_total{{subject="latest",symbol="{SYMBOL}"}}'] == 1
    assert figures['trader_errors_total{code="not-found"}'] == 1
    assert figures["trader_store_readable"] == 1
    assert figures[f"trader_runs_total{label}"] == 26, "a day that was replayed, the demo's hour, and this one"
    shutil.rmtree(store / "dashboard")
    with served() as api:
        text = api.ask("/metrics").body.decode()
    assert "trader_runs_total{" not in text, "without a summary nobody counts"
    assert f"trader_paper_return_net{label} {paper['net']}" in text


def test_the_dashboards_files_are_served_and_nothing_else_of_the_store(store):
    (store / "dashboard" / "data").mkdir(parents=True, exist_ok=True)
    (store / "dashboard" / "index.html").write_text("<!doctype html>")
    (store / "dashboard" / "data" / "index.js").write_text("TRADER.index({})")
    (store / "dashboard" / "data" / "secret.key").write_text("no kind of a page's file")
    with served() as api:
        moved = api.ask("/dashboard")
        assert (moved.status, moved.headers["location"]) == (307, "dashboard/")
        page = api.ask("/dashboard/")
        assert (page.body, page.headers["content-type"]) == (b"<!doctype html>", "text/html; charset=utf-8")
        assert "script-src 'self';" in page.headers["content-security-policy"]
        script = api.ask("/dashboard/data/index.js")
        assert (script.body, script.headers["content-type"]) == (b"TRADER.index({})", "text/javascript; charset=utf-8")
        for path in (
            *(
                "/dashboard/../bot.json",
                "/dashboard/%2e%2e/bot.json",
                "/dashboard/..%2fbot.json",
                "/dashboard//etc/passwd",
            ),
            *(
                "/dashboard/data/secret.key",
                "/dashboard/data/../../control.json",
                "/dashboard/%00.js",
                "/dashboard/data/",
            ),
            *("/dashboard/..%5cbot.json", "/bot.json", "/dashboard/data%2f..%2f..%2fbot.json"),
        ):
            assert (api.ask(path).status, api.ask(path).error) == (404, "not-found"), path
