"""What a policy document decides, by the rules of IAM: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

moto's own evaluator takes a statement whose condition does not hold for a denial, and knows one operator; here are
those that infra/ uses, and an operator that it does not know is an error.
"""

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]


def is_allowed(documents: Iterable[Document], action: str, resource: str = "*", **context: str) -> bool:
    """Whether somebody with these policies may do that; `context` has the condition keys, with a _ for their colon."""
    said = {effect for effect, _ in _that_concern(documents, action, resource, context)}
    return "Allow" in said and "Deny" not in said


def is_denied(documents: Iterable[Document], action: str, resource: str, **context: str) -> bool:
    """Whether a statement forbids it, whatever others allow."""
    return any(effect == "Deny" for effect, _ in _that_concern(documents, action, resource, context))


def statements(documents: Iterable[Document]) -> Iterator[Document]:
    for document in documents:
        yield from each_of(document["Statement"])


def each_of(value: Any) -> list[Any]:
    """IAM lets a list of one be written without brackets."""
    return value if isinstance(value, list) else [value]


def matches(pattern: str, text: str) -> bool:
    """With * and ? as IAM has them, which has no [."""
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


_OPERATORS = {
    "StringEquals": lambda expected, found: expected == found,
    "StringLike": matches,
    "ArnEquals": matches,  # in IAM the same as ArnLike
    "ArnLike": matches,
    "Bool": lambda expected, found: expected.lower() == found.lower(),
    "NumericLessThan": lambda expected, found: float(found) < float(expected),
}


def _that_concern(
    documents: Iterable[Document], action: str, resource: str, context: Mapping[str, str]
) -> Iterator[tuple[str, Document]]:
    known = {key.replace("_", ":", 1): value for key, value in context.items()}
    for statement in statements(documents):
        actions = [pattern.lower() for pattern in each_of(statement["Action"])]
        resources = each_of(statement.get("Resource", "*"))  # a role's trust has none
        if (
            any(matches(pattern, action.lower()) for pattern in actions)
            and any(matches(pattern, resource) for pattern in resources)
            and _holds(statement.get("Condition", {}), known)
        ):
            yield statement["Effect"], statement


def _holds(condition: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """All operators and all their keys; of the values of one key any."""
    return all(
        _agrees(operator, each_of(expected), context.get(key))
        for operator, keys in condition.items()
        for key, expected in keys.items()
    )


def _agrees(operator: str, expected: list[str], found: str | None) -> bool:
    if found is None:  # a key that the request does not have agrees with nothing, unless it need not be there
        return operator.endswith("IfExists")
    compare = _OPERATORS[operator.removesuffix("IfExists")]
    return any(compare(each, found) for each in expected)
