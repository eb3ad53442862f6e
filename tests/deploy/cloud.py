"""AWS on this machine: moto behind a door that knows each request by its action, and can refuse, delay or follow it up.

What moto does not do by itself (a task that ends, a stack that takes its time) is done through its backend objects.
"""

import json
import logging
import os
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs

import boto3

REGION = "eu-central-1"
ACCOUNT = "210987654321"  # of these tests alone: moto keeps one state for all servers of a process
BUCKET = "trader-test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error that AWS would answer with."""

    code: str
    words: str = "as scripted"
    status: int = 400
    text: bytes | None = None  # instead of an error

    def body(self, *, is_json: bool) -> bytes:
        if self.text is not None:
            return self.text
        if is_json:
            return json.dumps({"__type": self.code, "message": self.words}).encode()
        error = f"<Error><Type>Sender</Type><Code>{self.code}</Code><Message>{self.words}</Message></Error>"
        return f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode()


@dataclass(slots=True)
class Door:
    """The server's application: `refusals` are used up one a request, by action; `after` is called each time."""

    app: Callable
    repair: Callable[[], None]
    refusals: dict[str, list[Refusal]] = field(default_factory=dict)
    after: dict[str, Callable[[], None]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    sent: dict[str, bytes] = field(default_factory=dict)  # the body of the newest request of each action

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = ACCOUNT
        action, is_json = _action(environ, body)
        self.seen.append(action)
        self.sent[action] = body
        if self.refusals.get(action):
            refusal = self.refusals[action].pop(0)
            kind = "application/x-amz-json-1.1" if is_json else "text/xml"
            start_response(f"{refusal.status} Refused", [("Content-Type", kind)])
            return [refusal.body(is_json=is_json)]
        if action == "CancelUpdateStack":  # moto has none; what comes of it is the test's
            self.after.get(action, int)()
            start_response("200 OK", [("Content-Type", "text/xml")])
            return [b"<CancelUpdateStackResponse/>"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # moto says what resources of a template it fakes
            answer = self.app(environ, start_response)
        if action == "UpdateStack":
            self.repair()
        if action in self.after:
            self.after[action]()
        return answer


def _action(environ, body: bytes) -> tuple[str, bool]:
    """Return what a request is called, and whether its service speaks JSON."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return target.rpartition(".")[2], True
    query = parse_qs(environ.get("QUERY_STRING", ""))
    if "list-type" in query:
        return "ListObjectsV2", False
    is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    action = parse_qs(body.decode()).get("Action", [""])[0] if is_form else ""
    return action or {"GET": "GetObject", "PUT": "PutObject"}.get(environ["REQUEST_METHOD"], ""), False


class Cloud:
    """One running moto, and clients that set the scene."""

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - seconds that only these tests wait for
            DomainDispatcherApplication,
            create_backend_app,
        )
        from werkzeug.serving import make_server  # noqa: PLC0415

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        logging.getLogger("moto").setLevel(logging.ERROR)
        self.door = Door(DomainDispatcherApplication(create_backend_app), self._repair)
        self._server = make_server("127.0.0.1", 0, self.door, threaded=True)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing-secret"}
        self.session = boto3.session.Session(region_name=REGION, **keys)
        self._clients: dict[str, Any] = {}

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use this cloud and nothing else."""
        return {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing-secret",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    def client(self, service: str):
        if service not in self._clients:
            self._clients[service] = self.session.client(service, endpoint_url=self.endpoint)
        return self._clients[service]

    def reset(self) -> None:
        """Forget everything."""
        for backend in ("cloudformation", "ecs", "ecr", "s3", "sns", "logs"):
            self.backend(backend).reset()
        self.door.refusals.clear()
        self.door.after.clear()
        self.door.seen.clear()

    def backend(self, service: str):
        from moto.backends import get_backend  # noqa: PLC0415

        return get_backend(service)[ACCOUNT]["aws" if service == "s3" else REGION]

    def _repair(self) -> None:
        """Name a container's properties as ECS does: an updated stack of moto leaves them as in the template."""
        from moto.core.utils import pascal_to_camelcase, remap_nested_keys  # noqa: PLC0415

        for definitions in self.backend("ecs").task_definitions.values():
            for definition in definitions.values():
                renamed = remap_nested_keys(definition.container_definitions, pascal_to_camelcase)
                definition.container_definitions = renamed

    def stack(self, name: str):
        """The backend's own object, whose status and events a test may set."""
        return next(stack for stack in self.backend("cloudformation").stacks.values() if stack.name == name)

    def messages(self) -> list[tuple[str, str]]:
        """Subject and text of what was published, oldest first."""
        topics = self.backend("sns").topics.values()
        return [(sent[2], sent[1]) for topic in topics for sent in topic.sent_notifications]

    def set_stack(self, status: str, *, event: tuple[str, str, str] | None = None, at: datetime | None = None) -> None:
        """Put the bot's stack into a state, with one event (resource, its status, the reason) that led to it."""
        from moto.cloudformation.models import Event  # noqa: PLC0415

        stack = self.stack("trader-bot")
        stack.status = status
        if event is not None:
            added = Event(
                stack_id=stack.stack_id,
                stack_name=stack.name,
                logical_resource_id=event[0],
                physical_resource_id="",
                resource_type="AWS::ECS::Service",
                resource_status=event[1],
                resource_status_reason=event[2],
                resource_properties=None,
            )
            added.timestamp = at or added.timestamp
            stack.events.append(added)

    def tasks(self):
        """The backend's tasks, oldest first."""
        return [task for tasks in self.backend("ecs").tasks.values() for task in tasks.values()]
