"""The bot's rendered resources as the calls that CloudFormation makes of them: for what moto fakes in a stack."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.infra.stacks import bot

_VERBATIM = ("Options",)  # its keys are the log driver's own


def make_starting(client: Callable[[str], Any], way: str, imports: Mapping[str, str]) -> dict[str, str]:
    """Make cluster, log group and task definition, and return what the rest of the template refers to."""
    resources = bot(way, imports=imports)
    ecs, logs = client("ecs"), client("logs")
    wanted = camel(_properties(resources, "Cluster"))
    wanted["settings"] = wanted.pop("clusterSettings")
    cluster = ecs.create_cluster(**wanted)["cluster"]
    logs.create_log_group(logGroupName=_properties(resources, "LogGroup")["LogGroupName"])
    references = {"Cluster": cluster["clusterName"], "Cluster.Arn": cluster["clusterArn"], "LogGroup": "/trader/bot"}
    made = ecs.register_task_definition(**task_definition(bot(way, imports=imports, references=references)))
    return references | {"TaskDefinition": made["taskDefinition"]["taskDefinitionArn"]}


def task_definition(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of register_task_definition, where the task's size is text."""
    wanted = camel(_properties(resources, "TaskDefinition"))
    return wanted | {key: str(wanted[key]) for key in ("cpu", "memory") if key in wanted}


def service(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of create_service."""
    return camel(_properties(resources, "Service"))


def schedule(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of create_schedule, which are written like the template's but for one name."""
    wanted = dict(_properties(resources, "Schedule"))
    parameters = dict(wanted["Target"]["EcsParameters"])
    network = parameters["NetworkConfiguration"]
    parameters["NetworkConfiguration"] = {"awsvpcConfiguration": network["AwsvpcConfiguration"]}
    return wanted | {"Target": wanted["Target"] | {"EcsParameters": parameters}}


def _properties(resources: Mapping[str, Any], name: str) -> dict[str, Any]:
    properties: dict[str, Any] = resources[name]["Properties"]
    return properties


def camel(node: Any) -> Any:
    """Return a part of a template as ECS and CloudWatch Logs spell it: networkMode for NetworkMode."""
    if isinstance(node, list):
        return [camel(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key[0].lower() + key[1:]: item if key in _VERBATIM else camel(item) for key, item in node.items()}
