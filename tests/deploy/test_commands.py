"""The other commands, and what is said when a deployment is interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from scripts import deploy
from tests.deploy.played import NEW, OLD, OTHER, START
from tests.deploy.templates import service

pytestmark = pytest.mark.slow

SCRIPT = Path(deploy.__file__)


def test_rolling_back_goes_to_the_version_before_without_waiting_for_a_run(deployed, played):
    deployed("deploy", "--commit", NEW)
    began = played.now()

    assert deployed("rollback") == 0, deployed.said
    assert deployed.outcome["previous"] == NEW
    assert played.commit == OLD
    assert played.now() - began < timedelta(minutes=1)


def test_a_failed_deployment_does_not_become_the_version_to_go_back_to(deployed, played):
    deployed("deploy", "--commit", NEW)
    played.exits[OTHER] = 3
    assert deployed("deploy", "--commit", OTHER) == 1

    assert deployed("rollback") == 0
    assert played.commit == OLD


def test_rolling_back_to_a_given_version(deployed, played):
    assert deployed("rollback", "--commit", OTHER) == 0
    assert played.commit == OTHER


def test_rolling_back_without_a_version_before_asks_for_one(deployed):
    assert deployed("rollback") == 3
    assert "say it with --commit SHA" in deployed.outcome["reason"]


def test_rolling_back_where_nothing_was_deployed(desk):
    assert desk("rollback") == 3
    assert "there is no stack trader-bot: nothing to go back from" in desk.outcome["reason"]


def test_verify_waits_for_a_run_of_what_is_deployed(deployed, played):
    assert deployed("verify", "--commit", OLD, "--since", f"{START:%Y-%m-%dT%H:%M:%SZ}") == 0, deployed.said
    assert deployed.outcome["records"] == ["bot/journal/BTCUSDT/1h/2026/11/21T1700.json"]


def test_verify_fails_without_putting_anything_back(deployed, played, cloud):
    played.runs.remove(OLD)

    assert deployed("verify", "--commit", OLD, "--since", "2026-11-21T17:56", "--minutes", "2") == 2
    assert "UpdateStack" not in cloud.door.seen


def test_verify_of_what_is_not_deployed_is_refused(deployed):
    assert deployed("verify", "--commit", NEW, "--since", "2026-11-21") == 3
    assert f"trader-bot is at {OLD}, not at {NEW}" in deployed.outcome["reason"]


def test_a_short_commit_is_refused(deployed):
    assert deployed("deploy", "--commit", NEW[:7]) == 3
    assert "write all 40 hexadecimal digits" in deployed.outcome["reason"]


def test_an_interrupted_deployment_says_how_it_stands_and_how_it_goes_on(deployed, played, cloud):
    def interrupt():
        raise KeyboardInterrupt

    played.due.append((START + timedelta(minutes=2), interrupt))

    assert deployed("deploy", "--commit", NEW) == 2
    reason = deployed.outcome["reason"]
    assert f"interrupted; trader-bot is UPDATE_COMPLETE, at {NEW}" in reason
    assert f"verify --commit {NEW} --since 2026-11-21T17:56:00Z" in reason
    assert f"rollback --commit {OLD}" in reason


def test_a_deployment_interrupted_in_the_middle_of_the_change_says_that_it_goes_on_by_itself(deployed, played, cloud):
    def interrupt():
        raise KeyboardInterrupt

    cloud.door.after["UpdateStack"] = lambda: cloud.set_stack("UPDATE_IN_PROGRESS")
    played.due.append((START + timedelta(seconds=10), interrupt))

    assert deployed("deploy", "--commit", NEW) == 2
    assert f"UPDATE_IN_PROGRESS, towards {NEW}: CloudFormation goes on by itself" in deployed.outcome["reason"]


def test_the_program_itself_is_told_to_terminate_and_says_how_it_stands(deployed, cloud):
    environment = {"PATH": os.environ["PATH"], **cloud.environment}
    files = ["--settings", str(deployed.settings), "--template", str(deployed.template)]
    command = [sys.executable, str(SCRIPT), *files, "deploy", "--commit", NEW, "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until = time.monotonic() + 30
        while "RunTask" not in cloud.door.seen and time.monotonic() < until:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        out, progress = process.communicate(timeout=30)

    assert process.returncode == 2, progress
    assert f"interrupted; trader-bot is UPDATE_COMPLETE, at {NEW}" in json.loads(out)["reason"]
    assert f"UTC  deploying {NEW}" in progress


def test_nothing_of_the_bot_is_imported():
    """The pipeline installs boto3 alone."""
    code = "import sys; from scripts import deploy; print([name for name in sys.modules if name.startswith('trader')])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=SCRIPT.parents[1], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_without_json_the_reason_is_on_the_standard_error(deployed, capsys):
    files = ["--settings", str(deployed.settings), "--template", str(deployed.template)]

    assert deploy.main([*files, "deploy", "--commit", "HEAD"]) == 3
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("error: 'HEAD' is not a commit")


@pytest.mark.parametrize("minutes", ["-5", "0", "nan", "inf", "soon"])
def test_a_time_in_which_no_run_could_come_is_refused_before_anything_is_changed(capsys, minutes):
    with pytest.raises(SystemExit) as end:
        deploy.main(["deploy", "--commit", NEW, "--minutes", minutes])
    assert end.value.code == 3
    assert "argument --minutes" in capsys.readouterr().err


def test_settings_that_are_wrong_are_refused_by_the_pipelines_first_step(tmp_path, capsys):
    (tmp_path / "deploy.toml").write_text('region = "Frankfurt"\n')
    assert deploy.main(["--settings", str(tmp_path / "deploy.toml"), "settings"]) == 3
    said = capsys.readouterr()
    assert not said.out
    assert said.err.startswith("error: ")
    assert "region is 'Frankfurt'" in said.err


def test_the_services_own_template_is_no_secret_to_the_settings(desk, capsys):
    desk.template.write_text(service())
    files = ["--settings", str(desk.settings), "--template", str(desk.template)]

    assert deploy.main([*files, "settings"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "region=eu-central-1",
        "name=trader",
        "way=Scheduled",
        "symbols=BTCUSDT",
        "interval=1h",
        "foundation_stack=trader-foundation",
        "bot_stack=trader-bot",
    ]


@pytest.mark.parametrize(
    "words", [[], ["deploy"], ["verify", "--commit", NEW, "--since", "yesterday"], ["deploy", "--no"]]
)
def test_a_wrong_command_line_is_refused_and_does_not_look_like_a_failed_deployment(words):
    with pytest.raises(SystemExit) as ended:
        deploy.main(words)

    assert ended.value.code == 3
