"""The command that serves predictions. What it needs beside requirements.txt is in requirements-api.txt."""

import json
import socket
import sys
from typing import TYPE_CHECKING

from trader.cli.commands import AsJson, app
from trader.cli.output import say
from trader.config import Settings, load_settings
from trader.core.errors import BadConfig

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_BACKLOG = 128


@app.command("api")
def serve_api(as_json: AsJson = False) -> None:
    """Serve predictions of the champions over HTTP: /predict /models /health /metrics /dashboard; never trades."""
    settings = load_settings()
    application = application_of(settings)
    import uvicorn

    with _listening(settings) as listener:
        host, port = listener.getsockname()[:2]
        _announce(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}", settings, as_json=as_json)
        # Uvicorn's lines go where all others go. It handles SIGTERM and SIGINT, and raises them again for ours.
        config = uvicorn.Config(
            application, log_config=None, server_header=False, ws="none", timeout_graceful_shutdown=5
        )
        uvicorn.Server(config).run(sockets=[listener])


def application_of(settings: Settings) -> "ASGIApp":
    """Return the service. Raises BadConfig where it may not be, or where what it needs is not installed."""
    token = settings.api.token.get_secret_value()
    try:
        import uvicorn  # noqa: F401 - whether it is there

        from trader.cli.api.gate import is_loopback
        from trader.cli.api.routes import make_app
    except ModuleNotFoundError as error:
        raise BadConfig(
            f"trader api: {error}; do: pip install --require-hashes -r requirements-api.txt, or"
            " build the image with --build-arg EXTRAS=api"
        ) from error
    if not token and not is_loopback(settings.api.host):
        raise BadConfig(
            f"api.host {settings.api.host!r} can be reached from other machines: set api.token (TRADER__API__TOKEN), or"
            " listen on 127.0.0.1"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise BadConfig("api.token has characters that no header can bear; use letters, digits and - . _ ~ + /")
    from trader.cli.api.service import Service
    from trader.cli.api.world import World

    return make_app(Service(World(settings)), token=token)


def _listening(settings: Settings) -> socket.socket:
    """Return a socket that listens already, so that a port that is taken is told before anything begins."""
    host, port = settings.api.host, settings.api.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise BadConfig(
            f"api.host {host} and api.port {port} cannot be used ({error.strerror}); choose another"
        ) from error


def _announce(url: str, settings: Settings, *, as_json: bool) -> None:
    guarded = bool(settings.api.token.get_secret_value())
    needs = "every request but /health needs the token of api.token" if guarded else "no token is needed"
    bears = '-H "Authorization: Bearer $TRADER__API__TOKEN" ' if guarded else ""
    if as_json:
        say(json.dumps({"url": url, "symbols": list(settings.symbols), "token": guarded}))
    else:
        say(
            f"api       {url}  ({', '.join(settings.symbols)} every {settings.bot.interval}; mode {settings.bot.mode})",
            f"          {needs}",
            f"try       curl {bears}'{url}/predict?symbol={settings.symbols[0]}'",
        )
    sys.stdout.flush()
