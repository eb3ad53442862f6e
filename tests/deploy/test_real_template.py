"""The project's own infra/bot.yml and infra/deploy.toml, deployed for the first time."""

import pytest

from scripts.deploy import ROOT
from tests.deploy.cloud import ACCOUNT
from tests.deploy.played import NEW

pytestmark = pytest.mark.slow


def test_the_projects_own_template_and_settings_are_deployed(desk, played, cloud):
    desk.template.write_text((ROOT / "infra/bot.yml").read_text())
    desk.settings.write_text((ROOT / "infra/deploy.toml").read_text())

    assert desk("deploy", "--commit", NEW) == 0, desk.said
    stack = cloud.stack("trader-bot")
    assert stack.parameters["Commit"] == NEW
    assert stack.parameters["Image"].startswith(f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/trader@sha256:")


def test_what_comes_up_in_the_projects_own_template_fails_like_any_other(desk, played, cloud):
    desk.template.write_text((ROOT / "infra/bot.yml").read_text())
    desk.settings.write_text((ROOT / "infra/deploy.toml").read_text())
    played.exits[NEW] = 5

    assert desk("deploy", "--commit", NEW) == 2
    assert [subject for subject, _ in cloud.messages()] == [f"trader: deployment of {NEW[:12]} failed, NOT rolled back"]
