"""Settings: every one can be set from file and environment, and nothing that is wrong or misspelt passes in silence."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from trader.config import CONFIG_FILE, Executor, Mode, Settings, load_settings
from trader.config.watching import LogFormat, NeptuneClient, NeptuneMode, TrackerKind
from trader.core.decision import Exit, Sizing
from trader.core.errors import BadConfig
from trader.core.notices import Level
from trader.core.policy import Method, Timing
from trader.ml.promotion import PromotionPolicy
from trader.ml.pruning import Pruner
from trader.ml.recipe import EnsembleKind, Weighting
from trader.ml.study import Objective

pytestmark = pytest.mark.usefixtures("everything_told")

ROOT = Path(__file__).parents[1]

OTHERS = {
    "bot.id": ("other-1", "other-1"),
    "bot.mode": ("dry-run", Mode.DRY_RUN),
    "bot.symbols": ("BTCUSDT, ETHUSDT", ["BTCUSDT", "ETHUSDT"]),
    "bot.interval": ("4h", "4h"),
    "storage.url": ("file:///srv/trader", "file:///srv/trader"),
    "storage.aws_account": ("123456789012", "123456789012"),
    "market.base_url": ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    "market.archive": ("/srv/archive", "/srv/archive"),
    "market.wait_seconds": ("31", 31),
    "exchange.base_url": ("https://demo-api.binance.com", "https://demo-api.binance.com"),
    "exchange.api_key": ("a-key", SecretStr("a-key")),
    "exchange.api_secret": ("a-secret", SecretStr("a-secret")),
    "exchange.private_key": ("/run/secrets/key.pem", Path("/run/secrets/key.pem")),
    "exchange.recv_window_ms": ("3000", 3000),
    "exchange.lag_seconds": ("5.5", 5.5),
    "decision.band": ("0.05", 0.05),
    "decision.exit": ("band", Exit.BAND),
    "decision.allow_short": ("false", False),
    "decision.min_volatility": ("0.002", 0.002),
    "decision.min_volume_ratio": ("0.9", 0.9),
    "sizing.notional": ("1000.10", Decimal("1000.10")),
    "sizing.method": ("volatility", Sizing.VOLATILITY),
    "sizing.target_volatility": ("0.01", 0.01),
    "costs.fee_rate": ("0.00075", 0.00075),
    "costs.slippage_rate": ("0.0002", 0.0002),
    "risk.max_loss": ("0.1", 0.1),
    "risk.max_drawdown": ("0.15", 0.15),
    "risk.max_lateness_minutes": ("20", 20),
    "risk.model_max_age_days": ("30", 30),
    "risk.range_margin": ("0.5", 0.5),
    "tracker.kinds": ("mlflow, neptune", [TrackerKind.MLFLOW, TrackerKind.NEPTUNE]),
    "tracker.experiment": ("other", "other"),
    "tracker.mlflow_uri": ("http://127.0.0.1:5000", SecretStr("http://127.0.0.1:5000")),
    "tracker.neptune_client": ("minfx", NeptuneClient.MINFX),
    "tracker.neptune_project": ("me/it", "me/it"),
    "tracker.neptune_api_token": ("a-token", SecretStr("a-token")),
    "tracker.neptune_mode": ("offline", NeptuneMode.OFFLINE),
    "tracker.timeout_seconds": ("3.5", 3.5),
    "tracker.charts_hours": ("1", 1),
    "dashboard.enabled": ("false", False),
    "notify.urls": ("json://localhost", [SecretStr("json://localhost")]),
    "notify.level": ("error", Level.ERROR),
    "notify.daily": ("false", False),
    "notify.success": ("true", True),
    "notify.repeat_minutes": ("30", 30),
    "notify.timeout_seconds": ("2", 2.0),
    "drift.enabled": ("false", False),
    "drift.window_days": ("14", 14),
    "drift.false_alarms_per_year": ("1", 1.0),
    "drift.retrain": ("true", True),
    "drift.verify_hours": ("0", 0),
    "log.format": ("json", LogFormat.JSON),
    "log.level": ("info", "info"),
    "api.host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - a setting, nothing listens
    "api.port": ("9000", 9000),
    "api.token": ("a-token", SecretStr("a-token")),
    "api.refresh_seconds": ("1", 1.0),
    "retrain.window": ("100", 100),
    "retrain.threshold": ("-0.1", -0.1),
    "retrain.min_runs": ("50", 50),
    "retrain.cooldown_hours": ("24", 24),
    "retrain.max_model_age_days": ("0", 0),
    "retrain.max_idle": ("100", 100),
    "retrain.timing": ("external", Timing.EXTERNAL),
    "retrain.method": ("refit", Method.REFIT),
    "retrain.max_per_day": ("1", 1),
    "retrain.min_seconds": ("300", 300),
    "retrain.lease_seconds": ("2.5", 2.5),
    "train.features": ("nine", "nine"),
    "train.look_back_days": ("90", 90),
    "train.n_estimators": ("500", 500),
    "train.max_depth": ("5", 5),
    "train.learning_rate": ("0.05", 0.05),
    "train.subsample": ("0.7", 0.7),
    "train.colsample_bytree": ("0.6", 0.6),
    "train.gamma": ("1.5", 1.5),
    "train.seed": ("9", 9),
    "train.max_bin": ("32", 32),
    "train.horizon": ("6", 6),
    "train.weighting": ("move", Weighting.MOVE),
    "train.ensemble": ("look-backs", EnsembleKind.LOOK_BACKS),
    "train.ensemble_size": ("7", 7),
    "train.executor": ("processes", Executor.PROCESSES),
    "train.workers": ("3", 3),
    "train.dask_address": ("tcp://10.0.0.1:8786", "tcp://10.0.0.1:8786"),
    "search.trials": ("17", 17),
    "search.seconds": ("9.5", 9.5),
    "search.span_days": ("200", 200),
    "search.objective": ("gross", Objective.GROSS),
    "search.decision": ("false", False),
    "search.fewest_trees": ("40", 40),
    "search.most_trees": ("1001", 1001),
    "search.longest_look_back_days": ("100", 100),
    "search.min_round_trips": ("3", 3),
    "search.startup_trials": ("7", 7),
    "search.pruner": ("wilcoxon", Pruner.WILCOXON),
    "search.pruner_trials": ("4", 4),
    "search.pruner_folds": ("2", 2),
    "promotion.policy": ("manual", PromotionPolicy.MANUAL),
    "promotion.hold_out_days": ("33", 33),
    "promotion.confidence": ("0.7", 0.7),
    "promotion.margin": ("0.03", 0.03),
    "promotion.min_round_trips": ("9", 9),
    "promotion.min_exposure": ("0.3", 0.3),
    "promotion.draws": ("500", 500),
    "promotion.block": ("48", 48),
    "promotion.max_one_sided": ("0.8", 0.8),
    "promotion.min_distinct": ("20", 20),
    "promotion.max_tick_flips": ("0.2", 0.2),
    "promotion.max_tick_shift": ("0.1", 0.1),
    "models.keep": ("5", 5),
    "simulator.commission_rate": ("0.002", 0.002),
    "simulator.half_spread_rate": ("0.0003", 0.0003),
    "simulator.level_notional": ("5000", Decimal(5000)),
    "simulator.levels": ("3", 3),
    "simulator.start_quote": ("1", Decimal(1)),
    "simulator.start_base_notional": ("2", Decimal(2)),
    "demo.seed": ("8", 8),
    "demo.start": ("2025-06-01T00:00:00Z", datetime(2025, 6, 1, tzinfo=UTC)),
    "demo.replay_days": ("0", 0),
    "demo.trials": ("3", 3),
    "run.lease_seconds": ("12.5", 12.5),
}
"""Every setting with another value than its default: as text, and as it is read."""

ALL = [f"{section}.{key}" for section, field in Settings.model_fields.items() for key in field.annotation.model_fields]


@pytest.fixture(autouse=True)
def no_config_file_of_the_user(monkeypatch):
    monkeypatch.delenv("TRADER_CONFIG", raising=False)


def write(text, name=CONFIG_FILE):
    Path(name).write_text(text)


def setting(settings, name):
    section, key = name.split(".")
    return getattr(getattr(settings, section), key)


def variable(name):
    return f"TRADER__{name.replace('.', '__').upper()}"


def refusal(**overrides) -> str:
    with pytest.raises(BadConfig) as refused:
        load_settings(**overrides)
    return str(refused.value)


def test_with_nothing_configured_there_is_a_demo():
    settings = load_settings()
    assert (settings.bot.mode, settings.symbols, settings.storage_url) == (Mode.DEMO, ("DEMOUSDT",), "trader-data/demo")
    assert load_settings(bot={"mode": "dry-run"}).symbols == ("BTCUSDT",)
    assert load_settings(bot={"mode": "dry-run"}).storage_url == "trader-data/dry-run"


def test_the_table_of_this_test_has_every_setting():
    assert sorted(OTHERS) == sorted(ALL)


@pytest.mark.parametrize("name", ALL)
def test_every_setting_is_set_by_its_environment_variable_alone(monkeypatch, name):
    text, value = OTHERS[name]
    before = load_settings()
    monkeypatch.setenv(variable(name), text)
    changed = load_settings()
    assert setting(changed, name) == value != setting(before, name)
    assert [other for other in ALL if setting(changed, other) != setting(before, other)] == [name]


def test_every_setting_is_set_in_the_file():
    sections = {}
    for name, (text, value) in OTHERS.items():
        section, key = name.split(".")
        plain = isinstance(value, bool | int | float)
        sections.setdefault(section, []).append(f"{key} = {text if plain else repr(text)}")
    write("\n".join(f"[{section}]\n" + "\n".join(lines) for section, lines in sections.items()))
    settings = load_settings()
    assert {name: setting(settings, name) for name in ALL} == {name: value for name, (_, value) in OTHERS.items()}


def test_every_setting_says_what_it_is():
    for section, field in Settings.model_fields.items():
        for key, part in field.annotation.model_fields.items():
            assert part.description, f"{section}.{key}"


def test_arguments_win_over_the_environment_over_the_file_key_by_key(monkeypatch):
    write('[bot]\nid = "file"\ninterval = "4h"\nmode = "dry-run"\n[train]\nseed = 5\n')
    monkeypatch.setenv("TRADER__BOT__ID", "environment")
    monkeypatch.setenv("TRADER__BOT__INTERVAL", "2h")
    settings = load_settings(bot={"id": "argument"})
    assert (settings.bot.id, settings.bot.interval, settings.bot.mode) == ("argument", "2h", Mode.DRY_RUN)
    assert (settings.train.seed, settings.train.max_depth) == (5, 3)


def test_another_file_is_named_by_trader_config(monkeypatch):
    write('[bot]\nid = "here"\n')
    write('[bot]\nid = "there"\n', "other.toml")
    assert load_settings().bot.id == "here"
    monkeypatch.setenv("TRADER_CONFIG", "other.toml")
    assert load_settings().bot.id == "there"


@pytest.mark.parametrize("name", ["missing.toml", ".", ""])
def test_a_named_file_that_is_none_is_refused(monkeypatch, name):
    monkeypatch.setenv("TRADER_CONFIG", name)
    assert "which is not a file; correct or unset it" in refusal()


def test_a_folder_or_a_dead_link_in_the_place_of_the_file_is_refused(tmp_path):
    (tmp_path / CONFIG_FILE).mkdir()
    assert f"{tmp_path / CONFIG_FILE} is not a file, so no settings would be read" in refusal()
    (tmp_path / CONFIG_FILE).rmdir()
    (tmp_path / CONFIG_FILE).symlink_to("nowhere")
    assert "is not a file" in refusal()


_AS_NOBODY = f"""
import os, sys, tomllib
sys.path.insert(0, {str(ROOT)!r})
from trader.config import load_settings
from trader.core.errors import BadConfig
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.environ["TRADER_CONFIG"] = sys.argv[1]
try:
    print(load_settings().bot.id)
except BadConfig as error:
    print(error)
"""


@pytest.mark.parametrize("forbidden", ["file", "folder"])
def test_a_file_that_may_not_be_read_is_refused(tmp_path, forbidden):
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder.name.startswith(("pytest-", "test_")):
            folder.chmod(0o755)
    folder = tmp_path / "folder"
    folder.mkdir()
    file = folder / "trader.toml"
    file.write_text('[bot]\nid = "hush"\n')
    (file if forbidden == "file" else folder).chmod(0o000)
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, str(file)], capture_output=True, text=True, timeout=60, check=False, cwd="/"
    )
    folder.chmod(0o755)
    assert (done.stdout, done.returncode) == (f"{file} cannot be read: Permission denied\n", 0), done.stderr


@pytest.mark.parametrize("text", ["[bot\n", "[bot]\nid = other\n", '[bot]\nid="a"\nid="b"\n', "[bot]\n[bot]\n"])
def test_what_is_no_toml_is_told_with_file_and_line_and_without_the_value(text):
    write(text)
    said = refusal()
    assert said.startswith(f"{CONFIG_FILE} is not valid TOML: ")
    assert re.search(r"\(at (line \d+, column \d+|end of document)\)", said)
    assert "other" not in said


def test_a_file_in_another_encoding_is_no_toml():
    Path(CONFIG_FILE).write_bytes('[bot]\nid = "é"\n'.encode("latin-1"))
    assert "is not valid TOML" in refusal()


def test_unknown_sections_are_refused_with_the_known_ones(monkeypatch):
    known = (
        "use bot, storage, market, exchange, decision, sizing, costs, risk, retrain, train, search, promotion, models,"
        " tracker, dashboard, notify, drift, log, api, simulator, demo, run"
    )
    write("[rsk]\nmax_loss = 0.1\n")
    said = refusal()
    assert "setting rsk (TRADER__RSK) is unknown" in said
    assert known.replace("use ", "use one of ") in said
    write("")
    for name in ("TRADER__RSK__MAX_LOSS", "trader__rsk__max_loss", "TRADER__"):
        monkeypatch.setenv(name, "0.1")
        assert f"environment variable {name}: there is no section" in (said := refusal())
        assert said.endswith(known)
        monkeypatch.delenv(name)


def test_unknown_keys_are_refused_with_the_known_ones(monkeypatch):
    write("[costs]\nfee = 0.0007\n")
    assert refusal() == "setting costs.fee (TRADER__COSTS__FEE) is unknown; use one of fee_rate, slippage_rate"
    write("")
    monkeypatch.setenv("TRADER__COSTS__FEE", "0.0007")
    assert refusal() == "setting costs.fee (TRADER__COSTS__FEE) is unknown; use one of fee_rate, slippage_rate"


def test_a_key_outside_any_section_is_refused():
    write('mode = "demo"\n')
    assert "setting mode (TRADER__MODE) is unknown; use one of bot, storage," in refusal()


WRONG = {
    "bot.id": ["sesame street", "", "s" * 33, "sesame\n"],
    "bot.mode": ["sesame", "live", "real"],
    "bot.symbols": ["sesame", "BTC/USDT", "B", "BTCUSDT,sesame", "BTCUSDT,BTCUSDT"],
    "bot.interval": ["1m", "1w", "60"],
    "market.base_url": ["ftp://sesame", "sesame"],
    "market.wait_seconds": ["-1", "601", "1.5"],
    "decision.band": ["0.5", "-0.1", "nan"],
    "decision.exit": ["sesame"],
    "decision.allow_short": ["sesame"],
    "sizing.notional": ["0", "-1", "NaN", "Infinity", "sesame"],
    "costs.fee_rate": ["1.1", "-0.1", "nan", "sesame"],
    "risk.max_loss": ["20", "-0.2", "nan", "inf"],
    "risk.range_margin": ["inf", "nan", "-1"],
    "retrain.threshold": ["nan", "-inf", "sesame"],
    "retrain.window": ["0", "-5", "1.5"],
    "train.features": ["sesame"],
    "train.learning_rate": ["0", "1.1"],
    "demo.start": ["2025-06-01T00:00:00", "2025-06-01", "sesame"],
    "run.lease_seconds": ["0", "inf"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts])
def test_a_wrong_value_is_named_with_its_variable_and_never_echoed(monkeypatch, name, text):
    monkeypatch.setenv(variable(name), text)
    said = refusal()
    assert re.match(rf"setting {re.escape(name)}[.\d]* \({variable(name)}\): \w+", said)
    assert "sesame" not in said


def test_a_section_that_is_no_table_is_refused_without_its_value(monkeypatch):
    write('risk = "sesame"\n')
    assert "setting risk (TRADER__RISK): " in (said := refusal())
    monkeypatch.setenv("TRADER__RISK", "{sesame")
    assert '"risk"' in (said2 := refusal())
    assert "sesame" not in said + said2


def test_several_faults_are_told_at_once():
    write("[risk]\nmax_loss = 20\n[costs]\nfee = 1\n")
    assert len(refusal().splitlines()) == 2


def test_a_naive_start_is_refused_with_how_to_write_it_and_another_zone_becomes_utc(monkeypatch):
    write("[demo]\nstart = 2025-06-01T00:00:00\n")
    assert "write it as UTC, for example 2026-01-01T00:00:00Z" in refusal()
    write("[demo]\nstart = 2025-06-01T02:00:00+02:00\n")
    start = load_settings().demo.start
    assert (start, start.utcoffset()) == (datetime(2025, 6, 1, tzinfo=UTC), timedelta(0))


@pytest.mark.parametrize(
    ("text", "symbols"),
    [("BTCUSDT", ("BTCUSDT",)), (" ETHUSDT ,BTCUSDT,", ("ETHUSDT", "BTCUSDT")), ("", ("DEMOUSDT",))],
)
def test_symbols_are_separated_by_commas_and_keep_their_order(monkeypatch, text, symbols):
    monkeypatch.setenv("TRADER__BOT__SYMBOLS", text)
    assert load_settings().symbols == symbols


def test_symbols_may_be_a_list_in_the_file():
    write('[bot]\nsymbols = ["BTCUSDT", "ETHUSDT"]\n')
    assert load_settings().symbols == ("BTCUSDT", "ETHUSDT")
    write('[bot]\nsymbols = ["btcusdt"]\n')
    assert "a symbol is 2 to 20 capital letters and digits" in refusal()


def test_settings_do_not_change_once_read():
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.risk.max_loss = 1.0


def test_the_rules_of_the_strategy_come_from_the_settings(monkeypatch):
    for name, (text, _) in OTHERS.items():
        monkeypatch.setenv(variable(name), text)
    rules = load_settings().rules()
    decision, risk, trigger = rules.decision, rules.risk, rules.trigger
    assert (decision.band, decision.exit, decision.allow_short) == (0.05, Exit.BAND, False)
    assert (decision.min_volatility, decision.min_volume_ratio) == (0.002, 0.9)
    assert (decision.sizing, decision.target_volatility) == (Sizing.VOLATILITY, 0.01)
    assert (rules.costs.fee_rate, rules.costs.slippage_rate) == (0.00075, 0.0002)
    assert (risk.max_loss, risk.max_drawdown, risk.range_margin) == (0.1, 0.15, 0.5)
    assert risk.model_max_age == timedelta(days=30)
    assert (trigger.window, trigger.threshold, trigger.min_runs) == (100, -0.1, 50)
    assert trigger.cooldown == timedelta(hours=24)


def test_the_trigger_never_waits_for_more_runs_than_its_window_holds():
    assert load_settings(retrain={"window": 24, "min_runs": 72}).rules().trigger.min_runs == 24


def test_a_variable_with_one_underscore_is_refused_because_nobody_reads_it(monkeypatch):
    monkeypatch.setenv("TRADER_DECISION__BAND", "0.2")
    with pytest.raises(BadConfig, match=r"TRADER_DECISION__BAND is read by nobody"):
        load_settings()


@pytest.mark.parametrize(("key", "value"), [("LOOK_BACK_DAYS", "99999999"), ("SEED", str(2**70)), ("MAX_DEPTH", "500")])
def test_a_size_that_nothing_could_compute_is_refused(monkeypatch, key, value):
    monkeypatch.setenv(f"TRADER__TRAIN__{key}", value)
    with pytest.raises(BadConfig, match=f"train.{key.lower()}"):
        load_settings()
