"""A template as CloudFormation would see it: parameters, conditions and imports put in; what only AWS knows stands in.

`rendered` gives the resources that a choice of parameters makes. A reference to a resource becomes what `references`
says of it ("Cluster" for !Ref, "Cluster.Arn" for !GetAtt), else its own name in angle brackets.
"""

import base64
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.decode import decode

from tests.conftest import ROOT

BOT = ROOT / "infra" / "bot.yml"
FOUNDATION = ROOT / "infra" / "foundation.yml"
PSEUDO = {"AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012", "AWS::Partition": "aws"}

_NOTHING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """All that a template's functions may ask for."""

    template: Mapping[str, Any]
    parameters: Mapping[str, Any]
    imports: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)


def load(path: Path) -> dict[str, Any]:
    """Return the template, one's own, with every short form (!Ref) written out."""
    return deepcopy(_decoded(path))


@cache
def _decoded(path: Path) -> dict[str, Any]:
    template, problems = decode(str(path))
    assert not problems, problems
    return template


def rendered(path: Path, parameters: Mapping[str, Any], imports: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """Return the resources that exist with these parameters, by logical name, with everything put in."""
    values = values_of(load(path), parameters, imports=imports, **more)
    return {
        name: resolved(dict(resource), values)
        for name, resource in values.template["Resources"].items()
        if "Condition" not in resource or holds(resource["Condition"], values)
    }


def outputs(path: Path, parameters: Mapping[str, Any], imports: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """Return the outputs that exist with these parameters."""
    values = values_of(load(path), parameters, imports=imports, **more)
    return {
        name: resolved(output["Value"], values)
        for name, output in values.template["Outputs"].items()
        if "Condition" not in output or holds(output["Condition"], values)
    }


def values_of(template: Mapping[str, Any], parameters: Mapping[str, Any], **more: Any) -> Values:
    """Return the values with the defaults of parameters that are not given. An unknown parameter is refused."""
    assert not set(parameters) - set(template["Parameters"])
    defaults = {name: one["Default"] for name, one in template["Parameters"].items() if "Default" in one}
    region = more.pop("region", PSEUDO["AWS::Region"])
    return Values(template=template, parameters={**PSEUDO, **defaults, "AWS::Region": region, **parameters}, **more)


def holds(condition: Any, values: Values) -> bool:
    """Return what a condition, or the assertion of a rule, comes to."""
    if isinstance(condition, str):
        return holds(values.template["Conditions"][condition], values)
    ((function, argument),) = condition.items()
    return _TESTS[function](argument, values)


def resolved(node: Any, values: Values) -> Any:
    """Return a part of a template with its functions carried out; AWS::NoValue leaves no trace."""
    if isinstance(node, list):
        return [each for item in node if (each := resolved(item, values)) is not _NOTHING]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        ((function, argument),) = node.items()
        if function == "Ref" or function.startswith("Fn::"):
            return _carried_out(function, argument, values)
    return {key: each for key, item in node.items() if (each := resolved(item, values)) is not _NOTHING}


def _carried_out(function: str, argument: Any, values: Values) -> Any:
    return _FUNCTIONS[function](argument, values)


def _reference(name: str, values: Values) -> Any:
    if name == "AWS::NoValue":
        return _NOTHING
    if name in values.parameters:
        return values.parameters[name]
    assert name in values.template["Resources"], f"nothing is called {name}"
    return values.references.get(name, f"<{name}>")


def _attribute(argument: Any, values: Values) -> str:
    name = argument if isinstance(argument, str) else ".".join(argument)
    return values.references.get(name, f"<{name}>")


def _chosen(argument: Any, values: Values) -> Any:
    condition, then, otherwise = argument
    return resolved(then if holds(condition, values) else otherwise, values)


def _substituted(argument: Any, values: Values) -> str:
    text, own = (argument, {}) if isinstance(argument, str) else argument

    def put_in(found: re.Match[str]) -> str:
        name = found[1]
        if name in own:
            return str(resolved(own[name], values))
        return str(_carried_out("Fn::GetAtt" if "." in name else "Ref", name, values))

    return re.sub(r"\$\{([\w.:]+)\}", put_in, text)


_TESTS: dict[str, Callable[[Any, Values], bool]] = {
    "Condition": holds,
    "Fn::Not": lambda each, values: not holds(each[0], values),
    "Fn::And": lambda each, values: all(holds(one, values) for one in each),
    "Fn::Or": lambda each, values: any(holds(one, values) for one in each),
    "Fn::Equals": lambda each, values: str(resolved(each[0], values)) == str(resolved(each[1], values)),
    "Fn::Contains": lambda each, values: resolved(each[1], values) in each[0],
}
_FUNCTIONS: dict[str, Callable[[Any, Values], Any]] = {
    "Ref": _reference,
    "Fn::GetAtt": _attribute,
    "Fn::If": _chosen,
    "Fn::Sub": _substituted,
    "Fn::ImportValue": lambda name, values: values.imports[resolved(name, values)],
    "Fn::Join": lambda each, values: each[0].join(str(one) for one in resolved(each[1], values)),
    "Fn::Split": lambda each, values: resolved(each[1], values).split(each[0]),
    "Fn::Select": lambda each, values: resolved(each[1], values)[int(each[0])],
    "Fn::GetAZs": lambda _, values: [f"{values.parameters['AWS::Region']}{letter}" for letter in "abc"],
    "Fn::Base64": lambda text, values: base64.b64encode(resolved(text, values).encode()).decode(),
}
