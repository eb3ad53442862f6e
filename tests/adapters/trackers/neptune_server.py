"""A small server that speaks the wire protocol of the `neptune` client (and of `minfx`), and keeps what arrives.

The protocol is what the clients ask for: a Swagger document for each API, from which they make their methods by
`operationId`, and those operations. Where the real server's behaviour is not documented it takes the harder reading: a
series whose steps do not increase loses the whole operation, not only the points that do not fit.
"""

import base64
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from tests.adapters.trackers.neptune_swagger import document_of

PROJECT = "desk/hourly"
API_KEY = "7d1c0a52-secret-of-the-test"
_FLOATS = "logFloats"


@dataclass(slots=True, kw_only=True)
class TrackedRun:
    """What has arrived of one run: series of (step, ms, value), single values, sets, and files by their fields."""

    id: str
    custom_id: str | None = None
    client_version: str = ""
    series: dict[str, list[tuple[float, int, float]]] = field(default_factory=dict)
    values: dict[str, object] = field(default_factory=dict)
    sets: dict[str, set[str]] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def steps(self, path: str) -> list[float]:
        """The steps of a series, in the order of their arrival."""
        return [step for step, _, _ in self.series.get(path, [])]

    def execute(self, operation: dict) -> str | None:
        """Do one operation, and return what is wrong with it."""
        path = operation["path"]
        name, body = next((name, body) for name, body in operation.items() if name != "path")
        if name == _FLOATS:
            return self._append(path, body["entries"])
        if path in self.series:
            return f"Attribute {path} is a series"
        if name in {"addStrings", "insertStrings"}:
            self.sets.setdefault(path, set()).update(body["values"])
        elif name.startswith("assign"):
            self.values[path] = body["value"]
        else:
            return f"{name} is not known here"
        return None

    def _append(self, path: str, entries: list[dict]) -> str | None:
        points = self.series.setdefault(path, [])
        last = points[-1][0] if points else float("-inf")
        for entry in entries:
            if entry["step"] <= last:
                return (
                    f"X-coordinates (step) must be strictly increasing for series attribute: {path}."
                    f" Invalid point: {entry['step']}"
                )
            last = entry["step"]
        points += [(entry["step"], entry["timestampMilliseconds"], entry["value"]) for entry in entries]
        return None


class NeptuneServer:
    """One project. `runs` is what has arrived, `requests` the operations that were asked for, in their order.

    `refused` says by field what is wrong with its operations, which are not done. `document` makes the Swagger document
    of an API; a text is sent as a web page.

    `on` is called with the operation's name and the body before it is done; it may return a status to answer with
    instead, or raise ConnectionError: then no answer is given at all. `after` is the same, once it has been done.
    """

    def __init__(self) -> None:
        self.runs: dict[str, TrackedRun] = {}
        self.requests: list[str] = []
        self.refused: dict[str, str] = {}
        self.on: Callable[[str, object], int | None] = lambda _operation, _body: None
        self.after: Callable[[str, object], int | None] = lambda _operation, _body: None
        self.document: Callable[[str], dict | str] = document_of
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self) -> "NeptuneServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def token(self) -> str:
        """An API token for this server."""
        return token(self.url)

    @property
    def run(self) -> TrackedRun:
        """The only run there is."""
        (run,) = self.runs.values()
        return run

    def answer(self, operation: str, *, query: dict[str, str], body: bytes) -> tuple[int, object]:
        """Do an operation and return the status and what to answer."""
        with self._lock:
            self.requests.append(operation)
            if operation.startswith("file"):
                run = self.runs[query["experimentIdentifier"]]
                return self._done(operation, body, lambda: run.files.update({query["attribute"]: (query["ext"], body)}))
            content = json.loads(body) if body else None
            do = getattr(self, f"_{operation}", None)
            if do is None:
                return 404, {"title": f"{operation} is not known here"}
            return self._done(operation, content, lambda: do(query, content))

    def _done(self, operation: str, body: object, do: Callable[[], object]) -> tuple[int, object]:
        if status := self.on(operation, body):
            return status, {"title": "as scripted"}
        said = do()
        status = self.after(operation, body)
        return (status, {"title": "as scripted"}) if status else (404 if said in (_ABSENT, _NO_PROJECT) else 200, said)

    def _getClientConfig(self, _query: dict, _body: object) -> object:  # noqa: N802 - the protocol's names
        versions = {"minRecommendedVersion": None, "minCompatibleVersion": "0.1.0", "maxCompatibleVersion": None}
        return {"apiUrl": self.url, "applicationUrl": self.url, "pyLibVersions": versions}

    def _exchangeApiToken(self, _query: dict, _body: object) -> object:  # noqa: N802
        return {"accessToken": _jwt(self.url), "refreshToken": _jwt(self.url)}

    def _token(self, _query: dict, _body: object) -> object:
        return {"access_token": _jwt(self.url), "refresh_token": _jwt(self.url), "expires_in": 600}

    def _getProject(self, query: dict, _body: object) -> object:  # noqa: N802
        workspace, name = PROJECT.split("/")
        if query["projectIdentifier"] != PROJECT:
            return _NO_PROJECT
        return {"id": "p-1", "name": name, "organizationName": workspace, "projectKey": "HT", "version": 2}

    def _listProjects(self, _query: dict, _body: object) -> object:  # noqa: N802
        return {"entries": []}

    def _listOrganizations(self, _query: dict, _body: object) -> object:  # noqa: N802
        return [{"id": "w-1", "name": PROJECT.partition("/")[0]}]

    def _createExperiment(self, _query: dict, body: object) -> object:  # noqa: N802
        custom = body["customId"]
        known = next((run for run in self.runs.values() if custom and run.custom_id == custom), None)
        run = known or TrackedRun(id=f"HT-{len(self.runs) + 1}", custom_id=custom, client_version=body["cliVersion"])
        run.values["sys/id"] = run.id
        self.runs[run.id] = run
        return _experiment(run.id)

    def _getExperiment(self, query: dict, _body: object) -> object:  # noqa: N802
        run_id = query["experimentId"].rpartition("/")[2]
        return _experiment(run_id) if run_id in self.runs else _ABSENT

    def _getExperimentAttributes(self, query: dict, _body: object) -> object:  # noqa: N802
        run = self.runs[query["experimentId"]]
        kinds = dict.fromkeys(run.series, "floatSeries")
        kinds |= {path: "bool" if isinstance(value, bool) else "string" for path, value in run.values.items()}
        kinds |= dict.fromkeys(run.files, "file") | dict.fromkeys(run.sets, "stringSet")
        return {"attributes": [{"name": path, "type": kind} for path, kind in kinds.items()]}

    def _getStringAttribute(self, query: dict, _body: object) -> object:  # noqa: N802
        value = self.runs[query["experimentId"]].values.get(query["attribute"])
        return _ABSENT if value is None else {"attributeName": query["attribute"], "value": value}

    def _executeOperations(self, query: dict, body: object) -> object:  # noqa: N802
        run = self.runs[query["experimentId"]]
        wrong = [self.refused.get(operation["path"]) or run.execute(operation) for operation in body]
        return [{"errorDescription": text} for text in wrong if text]

    def _ping(self, _query: dict, _body: object) -> object:
        return {}


_ABSENT = {"title": "absent", "errorType": "EXPERIMENT_NOT_FOUND"}
_NO_PROJECT = {"title": "absent"}


def token(url: str) -> str:
    """Return an API token as a server at this address gives it out."""
    return base64.b64encode(json.dumps({"api_address": url, "api_url": url, "api_key": API_KEY}).encode()).decode()


def _experiment(run_id: str) -> dict:
    workspace, name = PROJECT.split("/")
    names = {"id": run_id, "shortId": run_id, "organizationName": workspace, "projectName": name}
    return {**names, "type": "run", "trashed": False}


def _jwt(url: str) -> str:
    claims = {"iss": f"{url}/auth", "azp": "neptune-cli", "exp": int(time.time()) + 600}
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".c2ln"
    )


def _handler(neptune: NeptuneServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in two packets takes 40 ms

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            *_, parent, last = parts.path.split("/")
            if last == "swagger.json":
                return self._send(200, neptune.document(parent))
            operation, query = last, dict(parse_qsl(parts.query, keep_blank_values=True))
            if operation == "token":
                body = b""
            try:
                return self._send(*neptune.answer(operation, query=query, body=body))
            except ConnectionError:
                self.close_connection = True

        do_POST = do_PUT = do_GET  # noqa: N815

        def _send(self, status: int, content: object) -> None:
            is_page = isinstance(content, str)
            data = str(content).encode() if is_page else json.dumps(content).encode()
            with suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Type", "text/html" if is_page else "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing on the test's output."""

    return Handler
