"""Where the dashboard's files are, below `dashboard/` of the store."""

from trader.jobs.bot import Desk
from trader.ports import ObjectStorage

FOLDER = "dashboard/"
PAGE = f"{FOLDER}index.html"
INDEX = f"{FOLDER}data/index.js"


def name_of(desk: Desk) -> str:
    """Return the name of a symbol's folder, and of the symbol in the page's calls."""
    return f"{desk.symbol}-{desk.bot.interval}"


def key_of(desk: Desk, file: str) -> str:
    """Return the key of one of a symbol's files."""
    return f"{FOLDER}data/{name_of(desk)}/{file}"


def locate(storage: ObjectStorage) -> str:
    """Return where the page is, for people: a path, or an s3:// address."""
    return storage.locate(PAGE)
