"""The command line: arguments in, text or JSON out, and an exit code (`exit.py`) that says what to do."""

import logging
import sys
from collections.abc import Sequence

import typer
from click.exceptions import ClickException

from trader.cli import research as _research  # noqa: F401 - registers its commands
from trader.cli.commands import app
from trader.cli.exit import INTERRUPTED, exit_code
from trader.core.errors import TraderError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; without words it is `run`."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING, stream=sys.stderr)
    words = list(sys.argv[1:] if arguments is None else arguments) or ["run"]
    try:
        code = typer.main.get_command(app).main(words, prog_name="trader", standalone_mode=False)
    except TraderError as error:
        sys.stderr.write(f"error: {error}\n")
        return exit_code(error)
    except ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("interrupted; what was committed stays\n")
        return INTERRUPTED
    return code if isinstance(code, int) else 0
