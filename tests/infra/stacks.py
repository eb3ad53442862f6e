"""The two stacks with plausible values, and the bot's made on moto upon as much of the foundation as moto has."""

import json
from typing import Any

from tests.infra.template import BOT, FOUNDATION, PSEUDO, load, outputs, rendered

ACCOUNT = PSEUDO["AWS::AccountId"]
ARN = f"arn:aws:{{}}:eu-central-1:{ACCOUNT}:{{}}"
SECRET = ARN.format("secretsmanager", "secret:trader/bot-AbCdEf")
IMPORTS = {
    "trader-BucketName": "trader-foundation-bucket-1abc",
    "trader-Prefix": "bot",
    "trader-RepositoryUri": f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/trader",
    "trader-SecretArn": SECRET,
    "trader-ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/execution",
    "trader-TaskRoleArn": f"arn:aws:iam::{ACCOUNT}:role/task",
    "trader-SchedulerRoleArn": f"arn:aws:iam::{ACCOUNT}:role/scheduler",
    "trader-InstanceProfileArn": f"arn:aws:iam::{ACCOUNT}:instance-profile/instance",
    "trader-SubnetIds": "subnet-a,subnet-b",
    "trader-SecurityGroupId": "sg-1",
}
"""What the foundation exports and the bot imports."""

IMAGE = f"{IMPORTS['trader-RepositoryUri']}@sha256:{'a1' * 32}"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WAYS = ("Scheduled", "ServiceFargate", "ServiceEC2")

_ON_MOTO = ("AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::SecurityGroup")


def bot(way: str = "Scheduled", **more: Any) -> dict[str, Any]:
    """Return the resources of the bot's stack, rendered; `more` are parameters, and what `rendered` takes."""
    settings = {name: more.pop(name) for name in list(more) if name[0].isupper()}
    return rendered(
        BOT, {"Way": way, "Image": IMAGE, "Commit": COMMIT, **settings}, more.pop("imports", IMPORTS), **more
    )


def bot_outputs(way: str = "Scheduled") -> dict[str, Any]:
    return outputs(BOT, {"Way": way, "Image": IMAGE, "Commit": COMMIT}, IMPORTS)


def make_foundation(cloudformation: Any) -> None:
    """Make a stack with all exports of the foundation: its network for real, the rest by name only."""
    template = load(FOUNDATION)
    kept = {name: one for name, one in template["Resources"].items() if one["Type"] in _ON_MOTO}
    template["Resources"] = kept
    template.pop("Conditions", None)
    for name, output in template["Outputs"].items():
        stays = any(f'"{one}"' in json.dumps(output["Value"]) for one in kept)
        if not stays:
            output["Value"] = IMPORTS.get(f"trader-{name}", f"nobody imports {name}")
    _make(cloudformation, "trader-foundation", template, {"GitHubRepository": "somebody/trader"})


def make_bot(cloudformation: Any, **parameters: str) -> dict[str, str]:
    """Make the bot's stack and return its outputs."""
    _make(cloudformation, "trader-bot", BOT.read_text(), {"Image": IMAGE, "Commit": COMMIT, **parameters})
    (stack,) = cloudformation.describe_stacks(StackName="trader-bot")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _make(cloudformation: Any, name: str, template: Any, parameters: dict[str, str]) -> None:
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=template if isinstance(template, str) else json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
