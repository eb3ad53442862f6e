"""python-binance's clients for one base URL, and its errors in our words.

The library's client keeps the last response in itself and reads it back, so two threads on one client can get each
other's answers: every thread has a copy of its own. Its sessions know no other address than the base URL, retry
nothing and follow no redirect, so one call is one request to one place.

What is raised here never has a vendor's exception behind it: those carry addresses, and with them signatures.
"""

import copy
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any, TypeVar

import requests
import urllib3

from trader.adapters.binance.keys import Credentials
from trader.adapters.binance.refusals import NoAnswer, Refusal, judge_read
from trader.adapters.binance.venues import is_loopback
from trader.adapters.binance.weights import Weights, retry_after
from trader.core.errors import BadConfig, TraderError

Answer = TypeVar("Answer")

TIMEOUT = (3.05, 15.0)
"""Seconds to connect and to read; longer than the server's own 10, so that its own time-out is heard."""

_SHOWN = 200


class Connection:
    """One base URL for any number of threads; keyless without credentials."""

    def __init__(
        self,
        base_url: str,
        *,
        weights: Weights,
        timeout: tuple[float, float] = TIMEOUT,
        credentials: Credentials | None = None,
    ) -> None:
        self.base_url = base_url
        self.weights = weights
        self._credentials = credentials
        self._original = _new_client(api_url=f"{base_url}/api", timeout=timeout, credentials=credentials)
        self._local = threading.local()

    def __repr__(self) -> str:
        return f"Connection({self.base_url!r})"

    def ask(
        self,
        what: str,
        request: Callable[[Any], Answer],
        *,
        weight: int,
        is_order: bool = False,
        judge: Callable[[Refusal], TraderError] = judge_read,
    ) -> Answer:
        """Return what one request with this thread's client gives; `what` names it in messages.

        Raises NoAnswer when no usable answer came, HeldBack when nothing was sent because the venue asked for a pause,
        BadConfig for an address that is none, and what `judge` makes of a refusal.
        """
        from binance.exceptions import BinanceAPIException, BinanceRequestException  # noqa: PLC0415

        client = self._client
        client.response = None
        self.weights.spend(weight, is_order=is_order)
        # Raised after the except blocks: raised inside them, it would carry the vendor's exception as its context.
        try:
            return self._with_body(what, request(client))
        except BinanceAPIException as error:
            failure = judge(self._refusal(what, error.response, code=error.code, message=error.message))
        except BinanceRequestException as error:
            failure = NoAnswer(f"{self.base_url} gave no JSON for {what}: {self._shown(error)}; try again later")
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            failure = BadConfig(f"URL {self.base_url} is not valid: {self._shown(error)}")
        except (OSError, HTTPException, urllib3.exceptions.HTTPError) as error:  # requests' own are OSErrors
            failure = NoAnswer(
                f"{self.base_url} did not answer for {what} ({type(error).__name__}); check the network, try later"
            )
        except AttributeError:
            # The library expects an object in an error's body and trips over a list.
            response = client.response
            if response is None or response.status_code in range(200, 300):
                raise
            failure = judge(self._refusal(what, response, code=0, message=response.text))
        finally:
            self.weights.heed(weight, client.response)
        raise failure

    @property
    def _client(self) -> Any:
        if not hasattr(self._local, "client"):
            client = copy.copy(self._original)
            client.session = self._new_session()
            self._local.client = client
        return self._local.client

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.headers.update(self._original.session.headers)
        session.adapters.clear()
        session.mount(f"{self.base_url}/", requests.adapters.HTTPAdapter(max_retries=0))
        # What is meant for this machine must not be given to a proxy of the environment.
        session.trust_env = not is_loopback(self.base_url)
        return session

    def _with_body(self, what: str, answer: Answer) -> Answer:
        """Return an answer that has a body; the library gives {} for one without."""
        if answer == {}:
            raise NoAnswer(f"{self.base_url} gave an empty answer for {what}; try again later")
        return answer

    def _refusal(self, what: str, response: requests.Response, *, code: Any, message: Any) -> Refusal:
        code = code if isinstance(code, int) else 0
        shown = self._shown(message)
        return Refusal(
            status=response.status_code,
            code=code,
            message=shown,
            said=f"{self.base_url} answered {response.status_code} for {what} (code {code}: {shown})",
            wait=retry_after(response.headers),
        )

    def _shown(self, text: object) -> str:
        """Return foreign text as it may be shown: short, and without what must stay secret."""
        shown = str(text) if self._credentials is None else self._credentials.scrubbed(str(text))
        return re.sub(r"(signature=)[^&\s\"'<>]+", r"\1***", shown)[:_SHOWN]


def _new_client(*, api_url: str, timeout: tuple[float, float], credentials: Credentials | None) -> Any:
    """Return a client.

    It is made in a thread of its own, because it sets up an event loop in whatever thread it is made in and leaves it
    open; plain requests do not use it.
    """
    from binance.client import Client  # noqa: PLC0415 - 250 ms that only the user of this package pays

    def make() -> Any:
        client = Client(
            api_key=credentials.api_key if credentials else None,
            api_secret=credentials.api_secret if credentials else None,
            ping=False,
            requests_params={"timeout": timeout, "allow_redirects": False},
        )
        client.loop.close()
        client.API_URL = api_url
        if credentials and credentials.private_key:
            client.PRIVATE_KEY = credentials.signing_key()
        return client

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(make).result()
