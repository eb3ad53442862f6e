"""The foundation's template, rendered: what is kept, who may come in, and what the bot's stack gets of it."""

import json

import pytest
from cfnlint.api import lint_file

from tests.infra.foundations import REFERENCES, ROLES, arn, each_role_trusts, foundation, role_names, trust
from tests.infra.iam import is_allowed, is_denied, statements
from tests.infra.stacks import IMPORTS
from tests.infra.template import FOUNDATION, load
from trader.config import Settings

BUCKET = "arn:aws:s3:::the-bucket"
GITHUB = "token.actions.githubusercontent.com"
TOKEN = {
    f"{GITHUB}:aud": "sts.amazonaws.com",
    f"{GITHUB}:sub": "repo:owner/name:environment:production",
    f"{GITHUB}:repository": "owner/name",
    f"{GITHUB}:environment": "production",
    f"{GITHUB}:ref": "refs/heads/main",
}
"""What GitHub says of a job of the environment `production` on `main`, in a repository made before 15 July 2026."""


@pytest.mark.slow
def test_cfn_lint_finds_nothing_and_cloudformation_takes_it_as_it_is():
    assert lint_file(FOUNDATION) == []
    text = FOUNDATION.read_text()
    assert len(text.encode()) <= 51_200  # the most that create-stack takes without a bucket
    assert "<<:" not in text  # merged keys, and aliases, which cfn-lint resolves, are not YAML to CloudFormation
    assert not [word for word in text.split() if word[0] in "&*" and word[1:2].isalpha()]


def test_nothing_is_let_in_and_https_out():
    group = foundation()["SecurityGroup"]["Properties"]
    assert "SecurityGroupIngress" not in group
    (rule,) = group["SecurityGroupEgress"]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], rule["CidrIp"]) == ("tcp", 443, 443, "0.0.0.0/0")


def test_both_subnets_go_out_by_the_same_way_and_to_s3_by_its_endpoint():
    resources = foundation()
    for subnet in ("SubnetA", "SubnetB"):
        association = resources[f"{subnet}Route"]["Properties"]
        assert association == {"SubnetId": REFERENCES[subnet], "RouteTableId": "<RouteTable>"}
    assert resources["S3Endpoint"]["Properties"]["RouteTableIds"] == ["<RouteTable>"]
    assert resources["DefaultRoute"]["Properties"]["RouteTableId"] == "<RouteTable>"


def test_bucket_its_policy_and_the_accounts_provider_outlive_the_stack():
    """A stack that could not be made leaves nothing behind. The provider may be others' by then, and stays when the
    next update is told its ARN, as README.md's commands do.
    """
    resources = load(FOUNDATION)["Resources"]
    kept = {name for name, resource in resources.items() if resource.get("DeletionPolicy") == "RetainExceptOnCreate"}
    assert kept == {"Bucket", "BucketPolicy", "OidcProvider"}
    assert kept == {name for name, resource in resources.items() if resource.get("UpdateReplacePolicy") == "Retain"}


@pytest.mark.parametrize("resource", [BUCKET, f"{BUCKET}/bot/journal/a.json"])
@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteBucketPolicy"])
def test_the_bucket_denies_plain_http_and_old_tls_and_nothing_else(action, resource):
    document = [foundation()["BucketPolicy"]["Properties"]["PolicyDocument"]]
    assert is_denied(document, action, resource, aws_SecureTransport="false")
    assert is_denied(document, action, resource, aws_SecureTransport="true", s3_TlsVersion="1.1")
    assert not is_denied(document, action, resource, aws_SecureTransport="true", s3_TlsVersion="1.2")
    assert not is_denied(document, action, resource, aws_SecureTransport="true", s3_TlsVersion="1.3")
    assert {statement["Principal"] for statement in statements(document)} == {"*"}


def test_the_secret_has_every_setting_that_a_deployed_bot_keeps_to_itself():
    """The API, which is another service, has one more."""
    keys = set(json.loads(foundation()["Secret"]["Properties"]["SecretString"]))
    assert keys == secret_settings() - {"TRADER__API__TOKEN"}


def secret_settings() -> set[str]:
    return {
        f"TRADER__{section}__{name}".upper()
        for section, model in Settings.model_fields.items()
        for name, field in model.annotation.model_fields.items()
        if "Secret" in str(field.annotation)
    }


def test_the_bots_stack_finds_all_that_it_imports():
    exports = {output["Export"]["Name"]["Fn::Sub"] for output in load(FOUNDATION)["Outputs"].values()}
    assert {name.replace("trader-", "${Name}-", 1) for name in IMPORTS} <= exports
    assert all(f"${{Name}}-{name}" in exports for name in load(FOUNDATION)["Outputs"])


def may_deploy(token: dict[str, str], **parameters: str) -> bool:
    """Whether GitHub's word is enough to take the role that deploys."""
    document = trust("DeployRole", **parameters)
    context = {key.replace(":", "_", 1): value for key, value in token.items()}
    return is_allowed([document], "sts:AssumeRoleWithWebIdentity", **context)


def test_only_this_repository_on_this_branch_in_this_environment_may_deploy():
    assert may_deploy(TOKEN)
    for claim, wrong in {
        "aud": "https://github.com/owner",
        "sub": "repo:owner/name:ref:refs/heads/main",
        "repository": "owner/another",
        "environment": "staging",
        "ref": "refs/heads/feature",
    }.items():
        assert not may_deploy(TOKEN | {f"{GITHUB}:{claim}": wrong}), claim
        assert not may_deploy({key: value for key, value in TOKEN.items() if key != f"{GITHUB}:{claim}"}), claim
    assert not may_deploy(TOKEN | {f"{GITHUB}:ref": "refs/pull/1/merge"})
    assert not may_deploy(TOKEN | {f"{GITHUB}:sub": "repo:owner/name:environment:production2"})


def test_repository_branch_and_environment_can_be_chosen():
    chosen = {"GitHubRepository": "o/r", "GitHubBranch": "release/1", "GitHubEnvironment": "live"}
    token = TOKEN | {
        f"{GITHUB}:sub": "repo:o/r:environment:live",
        f"{GITHUB}:repository": "o/r",
        f"{GITHUB}:environment": "live",
        f"{GITHUB}:ref": "refs/heads/release/1",
    }
    assert may_deploy(token, **chosen)
    assert not may_deploy(TOKEN, **chosen)


@pytest.mark.parametrize(
    "subject",
    [
        "repo:owner@123456/name@456789:environment:production",  # with ids, as of 15 July 2026
        "repo:owner/name:environment:production:ref:refs/heads/main",  # as the repository's own template may have it
    ],
)
def test_a_subject_that_is_given_takes_the_place_of_the_computed_one(subject):
    assert may_deploy(TOKEN | {f"{GITHUB}:sub": subject}, GitHubSubject=subject)
    assert not may_deploy(TOKEN, GitHubSubject=subject)
    assert not may_deploy(TOKEN | {f"{GITHUB}:sub": subject})


def test_an_existing_provider_is_used_and_none_is_made():
    existing = f"arn:aws:iam::123456789012:oidc-provider/{GITHUB}"
    made, used = foundation(), foundation(OidcProviderArn=existing)
    assert made["OidcProvider"]["Properties"] == {"Url": f"https://{GITHUB}", "ClientIdList": ["sts.amazonaws.com"]}
    assert "OidcProvider" not in used
    (statement,) = statements([trust("DeployRole", OidcProviderArn=existing)])
    assert statement["Principal"] == {"Federated": existing}


def test_each_role_is_for_one_service_and_for_this_account_where_the_service_says_for_whom():
    assert each_role_trusts() == {
        "TaskRole": "ecs-tasks.amazonaws.com",
        "ExecutionRole": "ecs-tasks.amazonaws.com",
        "SchedulerRole": "scheduler.amazonaws.com",
        "InstanceRole": "ec2.amazonaws.com",
        "CloudFormationRole": "cloudformation.amazonaws.com",
    }
    assert role_names() == set(ROLES)
    mine, theirs = {"aws_SourceAccount": "123456789012"}, {"aws_SourceAccount": "210987654321"}
    sources = {
        "TaskRole": arn("ecs", "task/trader/1"),
        "ExecutionRole": arn("ecs", "task/trader/1"),
        "SchedulerRole": arn("scheduler", "schedule-group/default"),
    }
    for role, source in sources.items():
        document = [trust(role)]
        assert is_allowed(document, "sts:AssumeRole", **mine, aws_SourceArn=source)
        assert not is_allowed(document, "sts:AssumeRole", **theirs, aws_SourceArn=source)
        assert not is_allowed(document, "sts:AssumeRole", **mine, aws_SourceArn=source.replace("123456789012", "2"))
        assert not is_allowed(document, "sts:AssumeRole")
