"""What the task is told is what the bot understands, and what infra/deploy.toml says is what the template takes."""

import json
import re
import tomllib

import pytest

from tests.infra.stacks import COMMIT, IMAGE, bot, bot_outputs
from tests.infra.template import BOT, FOUNDATION, ROOT, holds, load, values_of
from trader.config import Mode, load_settings
from trader.config.watching import LogFormat, TrackerKind

SETTINGS = tomllib.loads((ROOT / "infra" / "deploy.toml").read_text())
OF_THE_DEPLOY = {"Image", "Commit", "PreviousCommit", "Name", "InstanceImage"}


def container(**parameters):
    (only,) = bot(**parameters)["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    return only


def told(monkeypatch, secrets, **parameters):
    """Enter the environment that ECS makes, with these secrets."""
    for each in container(**parameters)["Environment"]:
        monkeypatch.setenv(each["Name"], str(each["Value"]))
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)


def secret_of_the_foundation():
    return json.loads(load(FOUNDATION)["Resources"]["Secret"]["Properties"]["SecretString"])


def test_every_setting_that_the_task_gets_is_one_that_the_bot_has(monkeypatch):
    told(monkeypatch, secret_of_the_foundation(), Symbols="BTCUSDT,ETHUSDT", Trackers="mlflow,neptune")

    settings = load_settings()

    assert (settings.bot.id, settings.bot.mode, settings.bot.interval) == ("trader", Mode.TESTNET, "1h")
    assert settings.bot.symbols == ["BTCUSDT", "ETHUSDT"]
    assert settings.storage.url == "s3://trader-foundation-bucket-1abc/bot"
    assert (settings.log.format, settings.log.level) == (LogFormat.JSON, "info")
    assert settings.tracker.kinds == [TrackerKind.MLFLOW, TrackerKind.NEPTUNE]


def test_secrets_reach_the_settings_of_their_names(monkeypatch):
    secrets = {name: f"https://secret/{place}" for place, name in enumerate(secret_of_the_foundation())}
    told(monkeypatch, secrets)

    settings = load_settings()

    for name, value in secrets.items():
        _, section, key = name.lower().split("__")
        found = getattr(getattr(settings, section), key)
        assert value == (found[0] if isinstance(found, list) else found).get_secret_value()


def test_the_task_asks_for_every_key_of_the_secret_and_for_no_other():
    assert {each["Name"] for each in container()["Secrets"]} == set(secret_of_the_foundation())
    assert all(each["ValueFrom"].endswith(f":{each['Name']}::") for each in container()["Secrets"])


def test_nothing_secret_is_among_the_plain_values():
    plain = {each["Name"] for each in container()["Environment"]}

    assert not plain & set(secret_of_the_foundation())
    assert not [name for name in plain if re.search("SECRET|TOKEN|PASSWORD|KEY", name)]


def test_deploy_toml_gives_every_parameter_that_a_deploy_does_not():
    given = {"".join(word.title() for word in key.split("_")): value for key, value in SETTINGS.items()}
    parameters = load(BOT)["Parameters"]

    assert set(given) == set(parameters) - OF_THE_DEPLOY | {"Region", "Name"}
    for name, value in given.items():
        wanted = parameters.get(name, {})
        assert value in wanted.get("AllowedValues", [value]), name
        assert re.fullmatch(wanted.get("AllowedPattern", ".*"), str(value)), name


@pytest.mark.parametrize(("region", "passes"), [(SETTINGS["region"], True), ("us-east-1", False)])
def test_the_stack_is_refused_where_binance_refuses(region, passes):
    (rule,) = load(BOT)["Rules"].values()
    (assertion,) = rule["Assertions"]

    values = values_of(load(BOT), {"Image": IMAGE, "Commit": COMMIT}, region=region)

    assert holds(assertion["Assert"], values) is passes


def test_the_foundation_exports_all_that_the_bot_imports():
    imported = set(re.findall(r'"Fn::ImportValue": !Sub "\$\{Name\}-(\w+)"', BOT.read_text()))
    exported = {each["Export"]["Name"]["Fn::Sub"] for each in load(FOUNDATION)["Outputs"].values()}

    assert imported
    assert {f"${{Name}}-{name}" for name in imported} <= exported
    assert BOT.read_text().count("ImportValue") == BOT.read_text().count('"Fn::ImportValue": !Sub "${Name}-')


@pytest.mark.parametrize(("name", "value"), [("Image", "trader:latest"), ("Commit", "main"), ("Symbols", "btc usdt")])
def test_a_value_of_the_wrong_shape_is_refused(name, value):
    pattern = load(BOT)["Parameters"][name]["AllowedPattern"]

    assert not re.fullmatch(pattern, value)
    assert re.fullmatch(pattern, {"Image": IMAGE, "Commit": COMMIT, "Symbols": "BTCUSDT,ETHUSDT"}[name])


def test_the_outputs_say_what_a_deploy_has_to_know():
    always = {"Way", "ClusterName", "TaskDefinitionArn", "LogGroupName", "TopicArn", "StorageUrl", "Symbols"}
    always |= {"Interval", "Commit", "PreviousCommit", "Image", "SubnetIds", "SecurityGroupId"}

    assert set(bot_outputs("Scheduled")) == always | {"ScheduleName"}
    assert set(bot_outputs("ServiceFargate")) == set(bot_outputs("ServiceEC2")) == always | {"ServiceName"}
