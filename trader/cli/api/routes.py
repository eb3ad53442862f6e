"""The routes: what is asked by HTTP, and the service's answers. Everything that waits is done in a thread."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from trader.cli.api.gate import Gate
from trader.cli.api.metrics import Exposition
from trader.cli.api.refusals import Refusal, refusal_of, response_of
from trader.cli.api.rows import features_in
from trader.cli.api.service import Service
from trader.cli.output import plain
from trader.core.errors import TraderError
from trader.jobs.serve_dashboard import answer
from trader.report.dashboard.site import POLICY

_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


def make_app(service: Service, *, token: str) -> ASGIApp:
    """Return the service as an ASGI application behind its gate."""
    app = FastAPI(title="trader", version=service.version, docs_url=None, redoc_url=None, openapi_url=None)
    exposition = Exposition(service)

    def answer_error(_request: Request, error: Exception) -> Response:
        refusal = refusal_of(error)
        exposition.errors[refusal.code] += 1
        return response_of(refusal)

    for kind in (TraderError, Refusal, HTTPException, Exception):
        app.add_exception_handler(kind, answer_error)
    _add_predict(app, service)
    _add_looks(app, service, exposition)
    _add_dashboard(app, service)
    return Gate(app, token=token, count=lambda refusal: exposition.errors.update([refusal.code]))


def _add_predict(app: FastAPI, service: Service) -> None:
    @app.get("/predict")
    def latest(request: Request) -> Response:
        return _json(service.latest(_symbol(request, service)))

    @app.post("/predict")
    async def row(request: Request) -> Response:
        symbol, features = _symbol(request, service), features_in(await request.body())
        if features is None:
            return _json(await run_in_threadpool(service.latest, symbol))
        return _json(await run_in_threadpool(service.row, symbol, features))


def _add_looks(app: FastAPI, service: Service, exposition: Exposition) -> None:
    @app.get("/models")
    def models() -> Response:
        return JSONResponse({"symbols": plain(service.models())})

    @app.get("/health")
    def health() -> Response:
        found = service.health()
        runs = {symbol: {"newest": plain(newest), "age_seconds": age} for symbol, (newest, age) in found.runs.items()}
        answer = {"status": "ok" if found.readable else "store-unreadable", "version": service.version, "symbols": runs}
        return JSONResponse(answer, status_code=200 if found.readable else 503)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(exposition.text(), headers={"Content-Type": _EXPOSITION})


def _add_dashboard(app: FastAPI, service: Service) -> None:
    @app.get("/dashboard")
    def move() -> Response:
        return RedirectResponse("dashboard/", status_code=307)

    @app.get("/dashboard/{path:path}")
    def page(path: str, request: Request) -> Response:
        found = answer(service.storage, path=path, known_tag=request.headers.get("if-none-match", ""))
        if found.status is HTTPStatus.NOT_FOUND:
            raise Refusal(404, "not-found", "there is no such file; `dashboard.enabled` lets every run write them")
        if found.status is HTTPStatus.SERVICE_UNAVAILABLE:
            raise Refusal(503, "not-ready", found.body.decode().strip())
        headers = {
            "Content-Type": found.kind,
            "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
            "Cache-Control": "no-cache",
        }
        return Response(
            found.body, status_code=found.status, headers=headers | ({"ETag": found.tag} if found.tag else {})
        )


def _symbol(request: Request, service: Service) -> str:
    """Return the symbol that is asked for; the only one need not be named."""
    said = request.query_params.getlist("symbol")
    unknown = sorted(set(request.query_params) - {"symbol"})
    if unknown:
        raise Refusal(422, "unknown-parameter", f"{unknown[0]!r} is not known; only ?symbol= is")
    if not said and len(service.symbols) == 1:
        return service.symbols[0]
    if len(said) == 1 and said[0] in service.symbols:
        return said[0]
    raise Refusal(404, "unknown-symbol", f"say ?symbol= with one of {', '.join(service.symbols)}")


def _json(data: bytes) -> Response:
    return Response(data, media_type="application/json")
