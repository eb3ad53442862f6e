"""What stops a deployment before or while it is made, each with what to do about it."""

import pytest

from scripts.deploy_aws import ACTIONS
from tests.deploy.cloud import Refusal
from tests.deploy.played import NEW, OLD
from tests.deploy.templates import foundation_body, settings_of

pytestmark = pytest.mark.slow

DENIED = Refusal(code="AccessDenied", words="User: arn:aws:sts::1:assumed-role/x is not authorized", status=403)
DENIED_JSON = Refusal(code="AccessDeniedException", words="User is not authorized to perform this")
EXPIRED = Refusal(code="ExpiredToken", words="The security token included in the request is expired", status=403)
BUSY = Refusal(code="Throttling", words="Rate exceeded")
SIGNED_OUT = """\
[profile mine]
sso_account_id = 1
sso_role_name = role
sso_region = eu-central-1
sso_start_url = https://nowhere.invalid/start
"""


def test_a_commit_without_an_image_is_named_and_nothing_is_changed(deployed, cloud):
    assert deployed("deploy", "--commit", "d" * 40) == 3
    assert f"has no image of commit {'d' * 40}" in deployed.outcome["reason"]
    assert "UpdateStack" not in cloud.door.seen


def test_an_image_may_be_given_by_its_digest(deployed, cloud):
    image = f"somewhere/trader@sha256:{'1' * 64}"

    assert deployed("deploy", "--commit", NEW, "--image", image) == 0
    assert cloud.stack("trader-bot").parameters["Image"] == image


def test_without_a_foundation_it_says_what_to_create(desk, cloud):
    cloud.client("cloudformation").delete_stack(StackName="trader-foundation")

    assert desk("deploy", "--commit", NEW) == 3
    assert (
        "there is no stack trader-foundation in eu-central-1: create it first (infra/README.md)"
        in desk.outcome["reason"]
    )


def test_a_foundation_of_an_older_template_is_named_with_what_it_lacks(desk, cloud):
    body = foundation_body().replace('"CloudFormationRoleArn"', '"AnotherRoleArn"')
    cloud.client("cloudformation").update_stack(StackName="trader-foundation", TemplateBody=body)

    assert desk("deploy", "--commit", NEW) == 3
    assert "trader-foundation has no output CloudFormationRoleArn; update it" in desk.outcome["reason"]


@pytest.mark.parametrize(
    ("name", "refusal", "action"),
    [
        ("DescribeStacks", DENIED, "cloudformation:DescribeStacks"),
        ("GetTemplate", DENIED, "cloudformation:GetTemplate"),
        ("DescribeImages", DENIED_JSON, "ecr:DescribeImages"),
        ("UpdateStack", DENIED, "cloudformation:UpdateStack"),
    ],
)
def test_a_permission_that_lacks_is_named_and_nothing_is_changed(deployed, cloud, name, refusal, action):
    cloud.door.refusals[name] = [refusal]

    assert deployed("deploy", "--commit", NEW) == 3
    assert f"permission denied: {action} (" in deployed.outcome["reason"]
    assert deployed.played.commit == OLD
    assert cloud.messages() == []


@pytest.mark.parametrize(
    ("name", "refusal", "action"),
    [
        ("RunTask", DENIED_JSON, "ecs:RunTask"),
        ("DescribeTaskDefinition", DENIED_JSON, "ecs:DescribeTaskDefinition"),
        ("ListObjectsV2", DENIED, "s3:ListBucket"),
        ("ListTasks", DENIED_JSON, "ecs:ListTasks"),
    ],
)
def test_a_permission_that_lacks_after_the_change_brings_the_old_version_back(deployed, cloud, name, refusal, action):
    cloud.door.refusals[name] = [refusal]

    assert deployed("deploy", "--commit", NEW) == 1
    assert f"permission denied: {action} (" in deployed.outcome["reason"]
    assert deployed.played.commit == OLD


def test_a_topic_that_may_not_be_published_to_changes_nothing_about_the_outcome(deployed, played, cloud):
    played.exits[NEW] = 3
    cloud.door.refusals["Publish"] = [DENIED]

    assert deployed("deploy", "--commit", NEW) == 1
    assert "nobody was told: permission denied: sns:Publish" in deployed.said


def test_a_log_that_may_not_be_read_does_not_hide_why_the_probe_failed(deployed, played, cloud):
    played.exits[NEW] = 3
    cloud.door.refusals["GetLogEvents"] = [DENIED_JSON]

    assert deployed("deploy", "--commit", NEW) == 1
    assert "the task's log could not be read: permission denied: logs:GetLogEvents" in deployed.said
    assert "exit code 3" in deployed.outcome["reason"]


def test_an_expired_session_before_the_change_is_named(deployed, cloud):
    cloud.door.refusals["DescribeStacks"] = [EXPIRED]

    assert deployed("deploy", "--commit", NEW) == 3
    assert "the AWS session has expired" in deployed.outcome["reason"]
    assert "role-duration-seconds" in deployed.outcome["reason"]


def test_a_session_that_expires_after_the_change_leaves_the_new_version_and_says_so(deployed, played, cloud):
    played.exits[NEW] = 3
    expired = [EXPIRED] * 5
    cloud.door.after["GetLogEvents"] = lambda: cloud.door.refusals.update({"DescribeStacks": list(expired)})

    assert deployed("deploy", "--commit", NEW) == 2
    assert "NOT rolled back: the AWS session has expired" in deployed.outcome["reason"]
    assert "nobody was told" in deployed.said


def test_credentials_that_aws_does_not_know_are_named(deployed, cloud):
    cloud.door.refusals["DescribeStacks"] = [Refusal(code="InvalidClientTokenId", status=403)]

    assert deployed("deploy", "--commit", NEW) == 3
    assert "AWS does not accept these credentials" in deployed.outcome["reason"]


def test_no_credentials_at_all_are_named(cloud, monkeypatch, desk):
    import boto3  # noqa: PLC0415

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    assert desk("deploy", "--commit", NEW) == 3
    assert "there are no AWS credentials" in desk.outcome["reason"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("", "The config profile (mine) could not be found; correct AWS_PROFILE"),
        ("[profile mine", "Unable to parse config file"),
        (SIGNED_OUT, "the AWS session has ended"),
    ],
)
@pytest.mark.usefixtures("cloud")
def test_a_profile_that_cannot_be_used_is_named(monkeypatch, desk, config, words):
    import boto3  # noqa: PLC0415

    (desk.settings.parent / "config").write_text(config)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(desk.settings.parent / "config"))
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    assert desk("deploy", "--commit", NEW) == 3
    assert words in desk.outcome["reason"]
    assert "region" not in desk.outcome["reason"]


def test_throttling_is_tried_again(deployed, cloud):
    cloud.door.refusals["DescribeStacks"] = [BUSY, BUSY]
    cloud.door.refusals["ListTasks"] = [BUSY]

    assert deployed("deploy", "--commit", NEW) == 0


def test_aws_being_away_for_a_while_does_not_end_the_waiting(deployed, cloud):
    gone = Refusal(code="ServerException")
    cloud.door.refusals["DescribeTasks"] = [gone]

    assert deployed("deploy", "--commit", NEW) == 0
    assert "asking again: ecs:DescribeTasks was not answered" in deployed.said


def test_a_setting_that_the_template_does_not_have_is_named(deployed):
    deployed.settings.write_text(settings_of(more='symbol = "BTCUSDT"'))

    assert deployed("deploy", "--commit", NEW) == 3
    assert "infra/deploy.toml sets what is no parameter of infra/bot.yml: Symbol" in deployed.outcome["reason"]


def test_a_template_that_is_too_long_is_named(deployed):
    deployed.template.write_text(deployed.template.read_text() + "# " + "x" * 52_000)

    assert deployed("deploy", "--commit", NEW) == 3
    assert "more than 51200 bytes" in deployed.outcome["reason"]


def test_a_record_that_is_none_is_named_and_rolled_back(deployed, played, cloud):
    played.put(b"{", open_time=played.now().replace(minute=0))

    assert deployed("deploy", "--commit", NEW) == 1
    assert "is not a record of this bot's journal" in deployed.outcome["reason"]


def test_every_call_that_has_a_permission_is_one_that_boto3_can_make(cloud):
    for (service, method), action in ACTIONS.items():
        assert hasattr(cloud.client(service), method)
        assert action.split(":")[0] == service
