"""The page itself, and the list of the symbols that it shows.

dashboard/index.html                 written last: what it names is there
dashboard/app-<hash>.js ...          named by their content, so no old copy is ever taken for a new one
dashboard/data/index.js              which symbols there are
"""

import hashlib
from collections.abc import Iterable, Mapping

from trader.jobs.bot import Bot
from trader.jobs.dashboard.places import FOLDER, INDEX, PAGE
from trader.jobs.dashboard.scripts import as_script
from trader.ports import ObjectStorage

_PAGE = PAGE.removeprefix(FOLDER)


def write_index(bot: Bot, *, assets: Mapping[str, bytes], version: str, anew: bool = False) -> str:
    """Write the page's files and the list of the symbols; return a tag of what was written.

    `assets` are the files by name, `index.html` among them; those that are there are written again only when all is to
    be made `anew`. Files of an older page are removed after it was replaced.
    """
    storage = bot.storage
    there = set(storage.keys(FOLDER))
    for name, data in assets.items():
        if name != _PAGE and (anew or f"{FOLDER}{name}" not in there):
            storage.put(f"{FOLDER}{name}", data)
    symbols = _symbols(bot, there)
    storage.put(INDEX, as_script("index", _index(bot, assets, version=version, symbols=symbols)))
    storage.put(PAGE, assets[_PAGE])
    _remove_others(storage, there, assets=assets)
    return tag_of(bot, assets=assets, version=version)


def tag_of(bot: Bot, *, assets: Mapping[str, bytes], version: str) -> str:
    """Return what changes when the page or the list has to be written again."""
    digest = hashlib.sha256(as_script("index", _index(bot, assets, version=version, symbols=bot.symbols)))
    for name in sorted(assets):
        digest.update(name.encode())
    digest.update(assets[_PAGE])
    return digest.hexdigest()[:16]


def _symbols(bot: Bot, keys: Iterable[str]) -> tuple[str, ...]:
    """Return the bot's symbols, and after them those that have data here: one command may be about some only."""
    ending = f"-{bot.interval}/summary.js"
    names = [key.removeprefix(f"{FOLDER}data/").removesuffix(ending) for key in keys if key.endswith(ending)]
    return (*bot.symbols, *sorted(set(names) - set(bot.symbols)))


def _index(bot: Bot, assets: Mapping[str, bytes], *, version: str, symbols: tuple[str, ...]) -> dict[str, object]:
    return {
        "bot": bot.bot_id,
        "mode": bot.mode,
        "interval": bot.interval,
        "symbols": symbols,
        "version": version,
        "plotly": next((name for name in sorted(assets) if name.startswith("plotly-")), None),
    }


def _remove_others(storage: ObjectStorage, keys: set[str], *, assets: Mapping[str, bytes]) -> None:
    for key in keys:
        name = key.removeprefix(FOLDER)
        if "/" not in name and name not in assets:
            storage.delete(key)
