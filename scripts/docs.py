"""Write docs/settings.md from the code: `make docs`; a test fails when it is stale."""

import sys
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from trader.config import ENV_PREFIX, Settings

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "docs" / "settings.md"


def main() -> int:
    """Write the page; with --check only tell whether it is up to date."""
    wanted = settings_page()
    is_stale = not SETTINGS.exists() or SETTINGS.read_text(encoding="utf-8") != wanted
    if "--check" in sys.argv:
        if is_stale:
            print(f"{SETTINGS.relative_to(ROOT)} is out of date; run `make docs`")
        return int(is_stale)
    SETTINGS.write_text(wanted, encoding="utf-8")
    return 0


def settings_page() -> str:
    """Return the page with every setting."""
    lines = [
        "# Settings",
        "",
        "From `trader.toml` in the working directory (or the file that `TRADER_CONFIG` names), overridden by the",
        f"environment: `[decision]` `band` is `{ENV_PREFIX}DECISION__BAND`. Unknown names are refused. This page is",
        "written by `make docs` from `trader/config/`.",
    ]
    for name, section in sections():
        lines += [
            "",
            f"## [{name}]",
            "",
            (section.__doc__ or "").strip(),
            "",
            "| key | default | meaning |",
            "|---|---|---|",
        ]
        lines += [
            f"| `{key}` | `{literal(field.get_default())}` | {field.description} |" for key, field in fields(section)
        ]
    return "\n".join([*lines, ""])


def sections() -> list[tuple[str, type[BaseModel]]]:
    """Return the sections by name."""
    return [
        (name, field.annotation)
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    ]


def fields(section: type[BaseModel]) -> list[tuple[str, Any]]:
    """Return a section's settings."""
    return list(section.model_fields.items())


def literal(value: object) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return f'"{value.value}"'
    if value is None:
        return '""'  # not set
    if isinstance(value, str | SecretStr):
        return f'"{value}"'
    if isinstance(value, int | float | Decimal | list):
        return str(value)
    return str(value).replace("+00:00", "Z").replace(" ", "T")


if __name__ == "__main__":
    sys.exit(main())
