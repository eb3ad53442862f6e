"""The page itself, and the list of the symbols that it shows.

dashboard/index.html                 written last: what it names is there
dashboard/app-<hash>.js ...          named by their content, so no old copy is ever taken for a new one
dashboard/data/index.js              which symbols there are
"""

import hashlib
from collections.abc import Mapping

from trader.jobs.bot import Bot
from trader.jobs.dashboard.places import FOLDER, INDEX, PAGE
from trader.jobs.dashboard.scripts import as_script
from trader.ports import ObjectStorage

_PAGE = PAGE.removeprefix(FOLDER)


def write_index(bot: Bot, *, assets: Mapping[str, bytes], version: str) -> str:
    """Write the page's files and the list of the symbols; return a tag of what was written.

    `assets` are the files by name, `index.html` among them. Files of an older page are removed after it was replaced.
    """
    storage = bot.storage
    there = set(storage.keys(FOLDER))
    for name, data in assets.items():
        if name != _PAGE and f"{FOLDER}{name}" not in there:
            storage.put(f"{FOLDER}{name}", data)
    storage.put(INDEX, as_script("index", _index(bot, assets, version=version)))
    storage.put(PAGE, assets[_PAGE])
    _remove_others(storage, there, assets=assets)
    return tag_of(bot, assets=assets, version=version)


def tag_of(bot: Bot, *, assets: Mapping[str, bytes], version: str) -> str:
    """Return what changes when the page or the list has to be written again."""
    digest = hashlib.sha256(as_script("index", _index(bot, assets, version=version)))
    for name in sorted(assets):
        digest.update(name.encode())
    digest.update(assets[_PAGE])
    return digest.hexdigest()[:16]


def _index(bot: Bot, assets: Mapping[str, bytes], *, version: str) -> dict[str, object]:
    return {
        "bot": bot.bot_id,
        "mode": bot.mode,
        "interval": bot.interval,
        "symbols": bot.symbols,
        "version": version,
        "plotly": next((name for name in sorted(assets) if name.startswith("plotly-")), None),
    }


def _remove_others(storage: ObjectStorage, keys: set[str], *, assets: Mapping[str, bytes]) -> None:
    for key in keys:
        name = key.removeprefix(FOLDER)
        if "/" not in name and name not in assets:
            storage.delete(key)
