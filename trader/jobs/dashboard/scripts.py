"""Data as a script: one call of a function of the page, its arguments as JSON.

A script tag may load it where a page may fetch nothing, from `file://`. No text in it can end a script, or begin one:
`<`, `>`, `&` and the two line ends that JSON allows and old scripts do not are written as escapes. Nothing is NaN.
"""

import json

from pydantic_core import to_jsonable_python

from trader.core.errors import BadData

_UNSAFE = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
_END = ");\n"


def as_script(function: str, *arguments: object) -> bytes:
    """Return the call of a function of the page: dataclasses as objects, times as ISO texts, NaN as null."""
    return as_script_of_json(function, *(as_json(argument) for argument in arguments))


def as_script_of_json(function: str, *arguments: str) -> bytes:
    """Return the call of a function of the page with arguments that are JSON already."""
    return (f"TRADER.{function}(" + ",".join(arguments).translate(_UNSAFE) + _END).encode()


def as_json(value: object) -> str:
    """Return plain values and dataclasses as JSON, what is not a number as null."""
    return json.dumps(to_jsonable_python(value, inf_nan_mode="null"), allow_nan=False, separators=(",", ":"))


def last_argument(data: bytes, *, function: str, first: str, key: str) -> bytes:
    """Return the JSON of the second argument of a call. Raises BadData when it is no such call, or not complete."""
    head, tail = f"TRADER.{function}({as_json(first)},".encode(), _END.encode()
    if not data.startswith(head) or not data.endswith(tail):
        raise BadData(f"{key} is not complete ({len(data)} bytes), or was not written by this program")
    return data[len(head) : -len(tail)]
