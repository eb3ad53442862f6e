"""Writes docs/dashboard*.png: pictures of the dashboard of a demo that has traded and trained, wide and as on a phone.

`make screenshots` calls it. It needs Debian's Chromium (scripts/install-debian.sh), or one named in TRADER_CHROMIUM.
"""

import os
import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from trader.cli import main

DOCS = Path(__file__).parents[1] / "docs"
SYMBOL = "DEMOUSDT"
LARGEST = 250_000
PHONE = 600
PICTURES = (
    ("dashboard.png", "", 1280, 1560),
    ("dashboard-model.png", "/model", 1280, 1560),
    ("dashboard-phone.png", "", 390, 1400),
)
"""File, view, and the part of the page from its top that is shown, in CSS pixels."""


def make_dashboard(folder: Path) -> Path:
    """Live a demo, train once, and return the dashboard's page."""
    for name in [name for name in os.environ if name.startswith("TRADER__")]:
        del os.environ[name]
    os.environ |= {
        "TRADER__STORAGE__URL": str(folder),
        "TRADER__TRACKER__KINDS": "none",
        "TRADER__SEARCH__TRIALS": "12",
    }
    for words in (["demo"], ["train", "--symbol", SYMBOL], ["dashboard", "--rebuild"]):
        if main(words) != 0:
            sys.exit(f"trader {' '.join(words)} failed")
    return folder / "dashboard" / "index.html"


def newest_model(page: Path) -> str:
    """Return the id of the model that was made last; its page has a report."""
    models = (page.parent / "data" / f"{SYMBOL}-1h").glob("model-*.js")
    return max(models, key=lambda path: (b'"report":{' in path.read_bytes(), path.name)).stem.removeprefix("model-")


def take(browser: Any, *, address: str, width: int, height: int) -> bytes:
    """Return a picture of the top of a page, its charts drawn."""
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=width < PHONE)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("main[data-route]")
    page.wait_for_selector(".plot:not([data-drawn])", state="detached")
    picture = page.screenshot()
    context.close()
    return picture


def smaller(png: bytes) -> bytes:
    """Return a picture in 128 colours: enough for text and lines, and a third of the size."""
    out = BytesIO()
    Image.open(BytesIO(png)).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def write_pictures(page: Path, *, folder: Path) -> None:
    chromium = os.environ.get("TRADER_CHROMIUM") or shutil.which("chromium") or sys.exit("no Chromium; see above")
    model = newest_model(page)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, view, width, height in PICTURES:
            route = f"{view}/{model}" if view else ""
            address = f"{page.as_uri()}#/{SYMBOL}{route}"
            picture = smaller(take(browser, address=address, width=width, height=height))
            if len(picture) > LARGEST:
                sys.exit(f"{name} has {len(picture)} bytes, more than {LARGEST}")
            (folder / name).write_bytes(picture)
            print(f"{folder / name}  {len(picture) // 1000} kB")
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as store:
        write_pictures(make_dashboard(Path(store)), folder=DOCS)
