"""Errors as the service tells them: one shape for all of them, whatever was wrong.

    {"error": {"code": "unfit-row", "message": "...", "names": {"missing": ["rsi_14"]}}}

`names` is there for a row that does not fit. What a caller did is 4xx, what a person has to mend 5xx; 503 may be tried
again. Nothing of a bug is told but that it is one.
"""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trader.core.errors import BadData, TraderError
from trader.jobs.predict import NoModel, UnfitRow

_NOT_READY = (503, "not-ready")
_ANSWERS: dict[type[TraderError], tuple[int, str]] = {NoModel: (503, "no-model"), BadData: (500, "bad-data")}
log = logging.getLogger(__name__)


class Refusal(Exception):
    """An answer that is an error: its status, a code for programs, and a sentence for people."""

    def __init__(self, status: int, code: str, message: str, *, names: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.names = names


def refusal_of(error: Exception) -> Refusal:
    """Return an error of this program, of the framework, or a bug, as an answer."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException):
        phrase = HTTPStatus(error.status_code).phrase
        return Refusal(error.status_code, phrase.lower().replace(" ", "-"), phrase)
    if isinstance(error, UnfitRow):
        return Refusal(422, "unfit-row", str(error), names=error.names)
    if isinstance(error, TraderError):
        status, code = next((answer for kind, answer in _ANSWERS.items() if isinstance(error, kind)), _NOT_READY)
        return Refusal(status, code, str(error))
    log.error("a request has found a bug", exc_info=error)
    return Refusal(500, "bug", "this is a bug; the service's log says more")


def response_of(refusal: Refusal) -> Response:
    """Return the response of a refusal."""
    error: dict[str, object] = {"code": refusal.code, "message": refusal.message}
    if refusal.names is not None:
        error["names"] = refusal.names
    return Response(json.dumps({"error": error}), status_code=refusal.status, media_type="application/json")
