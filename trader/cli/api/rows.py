"""A row of features out of a request's body, read more strictly than JSON is: every name once, every value a number."""

import json
import math

from trader.cli.api.refusals import Refusal


def features_in(body: bytes) -> dict[str, float] | None:
    """Return the features of `{"features": {name: number}}`, None for an empty body or object.

    NaN and infinities are let through: which of the model's names have no number is said by name. Raises Refusal.
    """
    if not body.strip():
        return None
    try:
        said = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _bad(f"the body is not JSON ({type(error).__name__})") from error
    if not isinstance(said, dict) or not set(said) <= {"features"}:
        raise _bad('the body has "features" and nothing else: {"features": {"name": 0.5}}')
    if not said:
        return None
    features = said["features"]
    if not isinstance(features, dict):
        raise _bad('"features" is an object of numbers by name')
    return {name: _number(value) for name, value in features.items()}


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _bad("a name is given twice")
    return found


def _number(value: object) -> float:
    """Return a number as it is, and NaN for everything else, which is then refused by its name."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _bad(message: str) -> Refusal:
    return Refusal(422, "bad-body", message)
