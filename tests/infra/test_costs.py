"""The costs in infra/README.md: computed again from the inputs beside them, which have to be the templates'."""

import ast
import operator
import tomllib

import pytest

from tests.infra.stacks import WAYS, bot
from tests.infra.template import BOT, ROOT, load

README = (ROOT / "infra" / "README.md").read_text()
OPERATORS = {ast.Add: operator.add, ast.Mult: operator.mul, ast.Div: operator.truediv}


def table(first):
    """Return the rows below the header that begins so, as lists of cells without back quotes."""
    lines = iter(README.splitlines())
    assert any(line.startswith(f"| {first} |") for line in lines)
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return rows


def value(formula, names):
    """Return what a sum of products of names and numbers comes to."""

    def of(node):
        match node:
            case ast.Constant(value=number):
                return float(number)
            case ast.Name(id=name):
                return names[name]
            case ast.BinOp(left=left, op=sign, right=right):
                return OPERATORS[type(sign)](of(left), of(right))
        raise ValueError(formula)

    return of(ast.parse(formula, mode="eval").body)


def names(way):
    known = {row[0]: float(row[1]) for row in table("price")}
    for row in table("quantity"):
        known[row[0]] = value(row[1 + WAYS.index(way)], known)
    return known


def costs(way):
    """Return each item's cost, unrounded."""
    return {row[0]: value(row[1], names(way)) for row in table("item") if row[1]}


@pytest.mark.parametrize("way", WAYS)
def test_the_table_is_what_its_inputs_come_to(way):
    written = {row[0]: row[2 + WAYS.index(way)] for row in table("item")}
    together = written.pop("**together**")
    summary = {row[0]: row[2] for row in table("way")}

    assert written == {item: f"{cost:.2f}" for item, cost in costs(way).items()}
    assert together == summary[way] == f"{sum(costs(way).values()):.2f}"


def test_the_cheapest_way_is_a_few_dollars():
    assert sum(costs("Scheduled").values()) < 5
    assert min(WAYS, key=lambda way: sum(costs(way).values())) == "Scheduled"


def test_the_quantities_are_those_of_the_templates():
    settings = tomllib.loads((ROOT / "infra" / "deploy.toml").read_text())
    found = names("Scheduled")
    kinds = [resource["Type"] for resource in bot().values()]
    (task,) = bot()["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    data = bot("ServiceEC2")["LaunchTemplate"]["Properties"]["LaunchTemplateData"]

    assert (found["vcpus"], found["gbs"]) == (settings["cpu"] / 1024, settings["memory"] / 1024)
    assert found["tasks"] / found["hours"] == len(bot()["Schedule"]["Properties"]["ScheduleExpression"].split(","))
    assert found["alarms"] == kinds.count("AWS::CloudWatch::Alarm")
    assert found["metrics"] == kinds.count("AWS::Logs::MetricFilter")
    assert found["reads"] / found["tasks"] == len(task["Secrets"])
    assert names("ServiceEC2")["disk"] == data["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"]
    assert settings["instance_type"] == load(BOT)["Parameters"]["InstanceType"]["Default"] == "t3.small"
    assert settings["region"] in README


def test_a_formula_means_what_it_says():
    assert value("a * (b + 2) / 4", {"a": 6.0, "b": 1.0}) == 4.5
