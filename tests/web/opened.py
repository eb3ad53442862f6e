"""A page of the dashboard in the browser: what it shows, and everything that went wrong while it was open."""

from typing import Any
from urllib.parse import urlsplit

_PATIENCE = 20_000


class Opened:
    """One browser page; each route is opened in it, as a reader would by a link."""

    def __init__(self, browser: Any, *, url: str, width: int, expects_errors: bool = False) -> None:
        self._origin = _origin(url)
        self._url = url
        self._expects_errors = expects_errors
        self.width = width
        self.errors: list[str] = []
        self.strangers: list[str] = []
        touch = width < 600
        self._context = browser.new_context(viewport={"width": width, "height": 900}, has_touch=touch)
        self.page = self._context.new_page()
        self.page.set_default_timeout(_PATIENCE)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))
        self.page.on("request", self._asked)
        self.page.on("dialog", lambda dialog: (self.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def go(self, route: str, *, charts: bool = True) -> "Opened":
        """Open a route and wait until it is drawn, its charts, too."""
        self.page.goto(f"{self._url}{route}")
        self.page.wait_for_selector(f"main[data-route={_quoted(route)}]")
        if charts:
            self.page.wait_for_selector(".plot:not([data-drawn])", state="detached")
        return self

    def text(self, selector: str = "main") -> str:
        """What a reader sees in the first element that fits."""
        return " ".join(self.page.inner_text(selector).split())

    def figure(self, label: str) -> float:
        """The exact number in the tile with that label."""
        tile = self.page.locator(".tile", has=self.page.locator(f"dt:text-is({_quoted(label)})"))
        return float(tile.locator("dd.value data").get_attribute("value"))

    def column(self, number: int, *, label: str = "Runs") -> list[str]:
        """The cells of one column of a table, as shown."""
        rows = self.page.locator(f"[aria-label={_quoted(label)}] tbody tr > :nth-child({number})")
        return [" ".join(cell.split()) for cell in rows.all_inner_texts()]

    def values(self, number: int, *, label: str = "Runs") -> list[float]:
        """The exact numbers of one column of a table."""
        cells = self.page.locator(f"[aria-label={_quoted(label)}] tbody tr > :nth-child({number}) data")
        return [float(value) for value in cells.evaluate_all("cells => cells.map(cell => cell.value)")]

    def overflow(self) -> float:
        """By how many pixels the page can be scrolled sideways."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def close(self) -> None:
        self._context.close()

    def check(self) -> None:
        """Nothing was complained of, and nothing was asked of anybody else."""
        assert not self.strangers, f"asked elsewhere: {self.strangers}"
        assert self._expects_errors or not self.errors, f"{self._url}: {self.errors}"

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"console {message.type}: {message.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("data:", "blob:")) and _origin(request.url) != self._origin:
            self.strangers.append(request.url)


def _origin(url: str) -> str:
    """Scheme and host; for a file also its site's folder, since every other file is a stranger."""
    parts = urlsplit(url)
    folder = parts.path.split("/dashboard/")[0] if parts.scheme == "file" else ""
    return f"{parts.scheme}://{parts.netloc}{folder}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
