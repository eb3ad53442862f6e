"""CloudWatch's filter patterns for JSON lines, as far as bot.yml uses them: conditions joined by &&, = "text", IS TRUE.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html; anything else is an error here.
"""

import json
import re

_CONDITION = re.compile(r'\(\$\.(?P<key>\w+) (?:= "(?P<text>[^"*]*)"|IS (?P<truth>TRUE|FALSE))\)')


def counts(pattern: str, line: str) -> bool:
    """Whether a metric filter with this pattern counts the line; a line that is no JSON object is not counted."""
    assert pattern.startswith("{ ")
    assert pattern.endswith(" }")
    conditions = [_CONDITION.fullmatch(each) for each in pattern[2:-2].split(" && ")]
    try:
        found = json.loads(line)
    except ValueError:
        return False
    for condition in conditions:
        assert condition is not None, f"not in this subset: {pattern}"
        value = found.get(condition["key"])
        wanted = condition["text"] if condition["truth"] is None else condition["truth"] == "TRUE"
        if value != wanted or type(value) is not type(wanted):
            return False
    return True
