"""The foundation's roles, rendered: who may take a role, and what its policies say."""

from typing import Any

from tests.infra.template import FOUNDATION, PSEUDO, load, rendered

ACCOUNT = PSEUDO["AWS::AccountId"]
REGION = PSEUDO["AWS::Region"]
ROLES = ("TaskRole", "ExecutionRole", "SchedulerRole", "InstanceRole", "CloudFormationRole", "DeployRole")
REFERENCES = {
    "Bucket": "the-bucket",
    "Bucket.Arn": "arn:aws:s3:::the-bucket",
    "Repository": "trader",
    "Repository.Arn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/trader",
    "Secret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:trader/bot-AbCdEf",
    "OidcProvider": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",
    "SecurityGroup.GroupId": "sg-1",
    "SubnetA": "subnet-a",
    "SubnetB": "subnet-b",
    **{f"{role}.Arn": f"arn:aws:iam::{ACCOUNT}:role/{role}" for role in ROLES},
}
"""What AWS would say of the resources; the rest of the template does not ask."""


def foundation(*, references: dict[str, str] | None = None, **parameters: str) -> dict[str, Any]:
    """Return the resources of a foundation for the repository owner/name."""
    chosen = {"GitHubRepository": "owner/name", **parameters}
    return rendered(FOUNDATION, chosen, {}, references=REFERENCES | (references or {}))


def policies(role: str, **options: Any) -> list[dict[str, Any]]:
    """Return all policy documents of a role."""
    properties = foundation(**options)[role]["Properties"]
    assert "ManagedPolicyArns" not in properties, f"{role} has a policy that is not in the template"
    return [policy["PolicyDocument"] for policy in properties["Policies"]]


def trust(role: str, **options: Any) -> dict[str, Any]:
    """Return who may take a role."""
    return foundation(**options)[role]["Properties"]["AssumeRolePolicyDocument"]


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def role_names() -> set[str]:
    return {name for name, resource in load(FOUNDATION)["Resources"].items() if resource["Type"] == "AWS::IAM::Role"}


def each_role_trusts() -> dict[str, str]:
    """Return the one service that may take each role; who deploys is no service."""
    found = {}
    for role in ROLES:
        (statement,) = trust(role)["Statement"]
        if service := statement["Principal"].get("Service"):
            assert statement["Action"] == "sts:AssumeRole", role
            found[role] = service
    return found
