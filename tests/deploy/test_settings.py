"""deploy.toml and the template: what is read, what is refused, and whether the project's own fit this program."""

import re

import pytest

from scripts.deploy import ROOT
from scripts.deploy_aws import ACTIONS, Refused
from scripts.deploy_settings import load, parameters_of, previous_commit
from scripts.deploy_stack import Stack
from tests.deploy.played import NEW, OLD
from tests.deploy.templates import scheduled, settings_of

IMAGE = f"uri@sha256:{'0' * 64}"


@pytest.fixture
def read(tmp_path):
    def reading(settings: str, *, template: str = ""):
        (tmp_path / "deploy.toml").write_text(settings)
        (tmp_path / "bot.yml").write_text(template or scheduled())
        return load(tmp_path / "deploy.toml", tmp_path / "bot.yml")

    return reading


def test_all_but_the_region_are_parameters_under_their_own_names(read):
    wish = read(settings_of(symbols='["BTCUSDT", "ETHUSDT"]')).wish(commit=NEW, image=IMAGE, previous=OLD)

    assert wish.parameters == {
        "Name": "trader",
        "Way": "Scheduled",
        "Symbols": "BTCUSDT,ETHUSDT",
        "Interval": "1h",
        "Image": IMAGE,
        "Commit": NEW,
        "PreviousCommit": OLD,
    }


def test_a_template_that_does_not_remember_the_version_before_is_not_told_it(read):
    template = re.sub(r"  PreviousCommit:.*\n", "", scheduled())

    assert (
        "PreviousCommit"
        not in read(settings_of(), template=template).wish(commit=NEW, image=IMAGE, previous=OLD).parameters
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("region = ", "is not valid TOML"),
        ('name = "trader"', "region is ''; write one like eu-central-1"),
        ('region = "Frankfurt"\nname = "trader"', "region is 'Frankfurt'"),
        ('region = "eu-central-1"\nname = "Trader!"', "name is 'Trader!'; write 2 to 21"),
        ('region = "eu-central-1"\nname = "trader-"', "name is 'trader-'; write 2 to 21"),
        ('region = "eu-central-1"\nname = "trader"\nway = 1.5', "way has to be one line of text"),
        ('region = "eu-central-1"\nname = "trader"\nway = """a\nb"""', "way has to be one line of text"),
        ('region = "eu-central-1"\nname = "trader"\nsymbol = "A"', "no parameter of infra/bot.yml: Symbol"),
        ('region = "eu-central-1"\nname = "trader"\n[way]\nx = 1', "way has to be one line of text"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_by_name(read, settings, words):
    with pytest.raises(Refused, match=re.escape(words)):
        read(settings)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Refused, match=r"deploy\.toml cannot be read"):
        load(tmp_path / "deploy.toml", tmp_path / "bot.yml")


def test_parameters_are_found_between_comments_and_blank_lines():
    expected = {"Name", "Image", "Commit", "PreviousCommit", "Way", "Symbols", "Interval"}

    assert parameters_of(scheduled()) == expected
    assert parameters_of("Resources:\n  A: {}\n") == set()


@pytest.mark.parametrize(
    ("parameters", "previous"),
    [
        (None, ""),
        ({"Commit": OLD}, OLD),
        ({"Commit": NEW, "PreviousCommit": OLD}, OLD),
        ({"Commit": NEW}, ""),
    ],
)
def test_the_version_before_is_what_is_deployed_unless_it_is_the_same(parameters, previous):
    stack = None if parameters is None else Stack(name="s", status="CREATE_COMPLETE", parameters=parameters)

    assert previous_commit(stack, commit=NEW) == previous


def test_the_projects_own_settings_fit_its_own_template():
    settings = load(ROOT / "infra/deploy.toml", ROOT / "infra/bot.yml")

    wish = settings.wish(commit=NEW, image=IMAGE, previous=OLD)

    assert {"Name", "Way", "Symbols", "Interval", "Image", "Commit"} <= set(wish.parameters)
    assert len(wish.template.encode()) <= 51_200


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("foundation.yml", "RepositoryName RepositoryUri CloudFormationRoleArn"),
        ("bot.yml", "Way ClusterName ServiceName TaskDefinitionArn LogGroupName TopicArn StorageUrl Symbols Interval"),
        ("bot.yml", "SubnetIds SecurityGroupId"),
    ],
)
def test_the_projects_own_templates_have_every_output_that_is_read(name, needed):
    outputs = (ROOT / "infra" / name).read_text().partition("\nOutputs:")[2]

    assert set(needed.split()) <= set(re.findall(r"^  (\w+):", outputs, flags=re.MULTILINE))


def test_the_deploy_role_is_given_every_action_that_is_called():
    template = (ROOT / "infra/foundation.yml").read_text()
    role = template.partition("\n  DeployRole:")[2].partition("\n  CloudFormationRole:")[0]

    assert {action for action in ACTIONS.values() if action not in role} == set()
