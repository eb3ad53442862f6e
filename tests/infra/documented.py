"""What AWS says of its own actions and resource types, from the copy that cfn-lint brings along."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint

_DATA = Path(cfnlint.__file__).parent / "data"


def is_action(action: str) -> bool:
    service, _, name = action.partition(":")
    return name.lower() in _actions().get(service, {}).get("Actions", {})


def has_resource(action: str) -> bool:
    """Whether an action can be allowed on some resources only."""
    service, _, name = action.partition(":")
    return bool(_actions()[service]["Actions"][name.lower()].get("Resources"))


def needed_for(resource_type: str) -> set[str]:
    """What CloudFormation may call to make, look at, change and delete a resource of this type, all properties used."""
    handlers = _schema(resource_type).get("handlers", {})
    return {
        action
        for moment, handler in handlers.items()
        if moment != "list"  # for importing resources that exist
        for action in handler.get("permissions", ())
    }


def replacing(resource_type: str) -> set[str]:
    """The properties that cannot, or not always, be changed: another resource is made, then this one deleted."""
    schema = _schema(resource_type)
    found = [*schema.get("createOnlyProperties", ()), *schema.get("conditionalCreateOnlyProperties", ())]
    return {each.removeprefix("/properties/") for each in found}


@cache
def _actions() -> dict[str, Any]:
    """Services by their prefix, of the service authorization reference."""
    return dict(json.loads((_DATA / "AdditionalSpecs" / "Policies.json").read_text()))


@cache
def _schema(resource_type: str) -> dict[str, Any]:
    schemas = _DATA / "schemas"
    index = json.loads((schemas / "providers" / "eu-central-1.json").read_text())
    return dict(json.loads((schemas / "resources" / f"{index[resource_type]}.json").read_text()))
