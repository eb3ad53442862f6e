"""Write the settings into README.md and docs/settings.md from the code: `make docs`; a test fails when stale."""

import sys
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from trader.config import ENV_PREFIX, Settings

ROOT = Path(__file__).parents[1]
README, SETTINGS = ROOT / "README.md", ROOT / "docs" / "settings.md"
START, END = "<!-- settings: written by make docs -->\n", "<!-- end of settings -->"


def main() -> int:
    """Write both files; with --check only tell whether they are up to date."""
    wanted = {README: readme(README.read_text(encoding="utf-8")), SETTINGS: settings_page()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        print(*(f"{path.relative_to(ROOT)} is out of date; run `make docs`" for path in stale), sep="\n")
        return len(stale)
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
    return 0


def readme(text: str) -> str:
    """Return the README with a fresh table: one line a section."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    rows = "".join(
        f"| `{name}` | {', '.join(f'`{key} = {literal(field.get_default())}`' for key, field in fields(section))} |\n"
        for name, section in sections()
    )
    return f"{before}{START}| section | settings and defaults |\n|---|---|\n{rows}{END}{after}"


def settings_page() -> str:
    """Return the page with every setting."""
    lines = [
        "# Settings",
        "",
        "From `trader.toml` in the working directory (or the file that `TRADER_CONFIG` names), overridden by the",
        f"environment: `[decision]` `band` is `{ENV_PREFIX}DECISION__BAND`. Unknown names are refused. This page is",
        "written by `make docs` from `trader/config/sections.py`.",
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
