"""The commands of infra/README.md: what can be run without an account, is."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.infra.stacks import IMPORTS, WAYS, bot_outputs
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
        "bot": set.intersection(*(set(bot_outputs(way)) for way in WAYS)),
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
