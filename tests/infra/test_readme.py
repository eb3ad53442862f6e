"""The commands of infra/README.md: what can be run without an account, is."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.infra.calls import schedule
from tests.infra.foundations import policies
from tests.infra.iam import statements
from tests.infra.stacks import IMPORTS, WAYS, bot, bot_outputs
from tests.infra.template import FOUNDATION, ROOT, load

README = (ROOT / "infra" / "README.md").read_text()
BLOCKS = re.findall(r"^ *```bash\n(.*?)^ *```$", README, re.MULTILINE | re.DOTALL)
AWS = """#!/bin/sh
case "$*" in
  *OutputKey==*) name=${*##*OutputKey==\\'}; printenv "OUTPUT_${name%%\\'*}" ;;
  *) for word; do echo "$word"; done ;;
esac
"""
"""Stands in for Amazon's command: gives a stack's outputs from the environment, and says what else it was told."""


@pytest.mark.slow
def test_shellcheck_finds_nothing_in_the_commands(tmp_path):
    script = tmp_path / "readme.sh"
    script.write_text("#!/bin/bash\n" + "\n".join(BLOCKS))

    # Variables are set in one block and used in another, or by the reader.
    found = subprocess.run(
        [Path(sys.executable).with_name("shellcheck"), "--exclude", "SC2034", script],
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.stdout == ""
    assert found.returncode == 0


def test_every_output_that_is_asked_for_is_one_of_the_stacks():
    asked = re.findall(r'output "\$NAME-(\w+)" (\w+)', README)
    there = {
        "foundation": set(load(FOUNDATION)["Outputs"]),
        "bot": set.intersection(*(set(bot_outputs(way)) for way in WAYS)) | {"ServiceName"},  # asked of services only
    }

    assert {stack for stack, _ in asked} == set(there)
    assert [(stack, name) for stack, name in asked if name not in there[stack]] == []


def test_the_secret_that_is_filled_in_has_the_keys_of_the_foundations():
    written = re.search(r"<<'END'\n(\{.*?\})\nEND", README, re.DOTALL)[1]

    assert json.loads(written) == json.loads(load(FOUNDATION)["Resources"]["Secret"]["Properties"]["SecretString"])


def test_the_parameters_that_are_given_are_the_foundations():
    (deploy,) = [block for block in BLOCKS if "foundation.yml" in block]

    given = set(re.findall(r'"(\w+)=\$\w+"', deploy))
    parameters = load(FOUNDATION)["Parameters"]
    assert {name for name, one in parameters.items() if "Default" not in one} <= given <= set(parameters)


GH = """#!/bin/sh
case "$*" in
  "repo view https://github.com/me/fork --json nameWithOwner --jq .nameWithOwner") echo me/fork ;;
  "repo view"*) echo the/parent ;;
  "api repos/me/fork/actions/oidc/customization/sub"*) echo "$PREFIX_OF_TOKENS" ;;
esac
"""
"""Stands in for GitHub's command in a fork's clone, where it means the parent unless it is told otherwise."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prefix", "subject"),
    [
        ("", "repo:me/fork:environment:production"),
        ("repo:me@1/fork@2", "repo:me@1/fork@2:environment:production"),
    ],
)
def test_the_fork_that_is_pushed_to_may_deploy_and_not_its_parent(tmp_path, prefix, subject):
    git = "#!/bin/sh\n[ \"$*\" = 'remote get-url origin' ] && echo https://github.com/me/fork\n"
    for name, script in {"aws": "#!/bin/sh\n", "gh": GH, "git": git}.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    first = next(each for each in BLOCKS if each.startswith("setting()"))
    second = next(each for each in BLOCKS if each.startswith("PREFIX="))

    said = subprocess.run(
        ["bash", "-eu", "-c", f"{first}\n{second}"],
        env={"PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}", "PREFIX_OF_TOKENS": prefix},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert said == ["me/fork", subject]


def test_the_roles_of_amazons_services_are_there_before_the_stack_that_wants_them():
    """ECS takes its role at once and often fails when it has just made it, which an empty account would see."""
    made = re.findall(r"create-service-linked-role --aws-service-name (\S+)", README)

    (one,) = [each for each in statements(policies("CloudFormationRole")) if each["Sid"] == "FirstUseOfService"]
    assert set(made) == set(one["Condition"]["StringEquals"]["iam:AWSServiceName"])
    assert README.rindex("create-service-linked-role") < README.index("git push origin main")


@pytest.mark.slow
def test_pausing_changes_the_schedules_state_and_nothing_else(client):
    (block,) = [each for each in BLOCKS if "update-schedule" in each]
    words = re.search(r"python3 -c '(.*?)' \"\$1\"", block, re.DOTALL)[1]
    wanted = schedule(bot())
    scheduler = client("scheduler")
    scheduler.create_schedule(**wanted)
    before = scheduler.get_schedule(Name="trader-hourly")
    before.pop("ResponseMetadata")

    told = subprocess.run(
        [sys.executable, "-c", words, "DISABLED"],
        input=json.dumps(before, default=str),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    scheduler.update_schedule(**json.loads(told))

    after = scheduler.get_schedule(Name="trader-hourly")
    assert {key: after[key] for key in wanted} == wanted | {"State": "DISABLED"}


def test_pausing_silences_every_alarm():
    silenced = re.search(r"disable-alarm-actions --alarm-names (.*)", README)[1].replace("$NAME", "trader")

    alarms = {each["Properties"]["AlarmName"] for each in bot().values() if each["Type"] == "AWS::CloudWatch::Alarm"}
    assert set(re.findall(r'"([^"]+)"', silenced)) == alarms


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_command_of_the_bot_becomes_a_task_with_these_words(tmp_path, way):
    (tmp_path / "aws").write_text(AWS)
    (tmp_path / "aws").chmod(0o755)
    (settings,) = [block for block in BLOCKS if block.startswith("setting()")]
    (function,) = [block for block in BLOCKS if block.startswith("bot()")]
    lines = [line for line in settings.splitlines() if line.startswith("output()")]
    outputs = bot_outputs(way) | {"Way": way, "TaskDefinitionArn": "arn:task:7"}
    environment = {f"OUTPUT_{name}": str(value) for name, value in outputs.items()}

    script = "\n".join(["NAME=trader", *lines, function.partition("bot status")[0], 'bot halt --why "a \\"word\\""'])
    told = subprocess.run(
        ["bash", "-eu", "-c", script],
        env={**environment, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    said = dict(pairwise(told))
    assert (said["--cluster"], said["--task-definition"]) == ("trader", "arn:task:7")
    assert json.loads(said["--overrides"]) == {
        "containerOverrides": [{"name": "bot", "command": ["halt", "--why", 'a "word"']}]
    }
    if way == "ServiceEC2":
        assert (said["--launch-type"], "--network-configuration" in said) == ("EC2", False)
    else:
        network = f"subnets=[{IMPORTS['trader-SubnetIds']}],securityGroups=[sg-1],assignPublicIp=ENABLED"
        assert said["--network-configuration"] == f"awsvpcConfiguration={{{network}}}"


@pytest.mark.slow
def test_the_bucket_is_removed_with_all_its_versions(client, monkeypatch):
    (words,) = re.findall(r"python3 -c '(import sys, boto3; .*?)' \"\$BUCKET\"", README)
    s3 = client("s3")
    s3.create_bucket(Bucket="store", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket="store", VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket="store", Key="bot/state", Body=b"x")
    s3.delete_object(Bucket="store", Key="bot/state")

    monkeypatch.setattr(sys, "argv", ["-c", "store"])
    exec(words, {})  # noqa: S102

    assert s3.list_buckets()["Buckets"] == []
