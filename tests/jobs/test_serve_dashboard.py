"""The dashboard's server: its folder of the store and nothing beside it, for this machine alone."""

import http.client
from http import HTTPStatus

import pytest

from trader.adapters.local_storage import LocalStorage
from trader.core.errors import BadConfig, Retryable
from trader.jobs.serve_dashboard import DashboardServer, answer


@pytest.fixture
def storage(tmp_path):
    storage = LocalStorage(tmp_path / "store", durable=False)
    storage.put("dashboard/index.html", b"<p>page</p>")
    storage.put("dashboard/data/index.js", b"TRADER.index({});\n")
    storage.put("dashboard/notes.txt", b"not for browsers")
    storage.put("bot.json", b"{}")
    storage.put("secret.js", b"beside it")
    return storage


@pytest.fixture
def server(storage):
    with DashboardServer(storage, port=0) as server:
        yield server


def ask(server, path, *, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


@pytest.mark.parametrize("path", ["/", "/index.html", "/index.html?v=1", ""])
def test_the_page_is_what_the_root_answers(storage, path):
    found = answer(storage, path=path)
    assert (found.status, found.body, found.kind) == (HTTPStatus.OK, b"<p>page</p>", "text/html; charset=utf-8")


def test_a_data_file_is_a_script_whatever_follows_its_name(storage):
    found = answer(storage, path="/data/index.js?v=123")
    assert (found.status, found.body) == (HTTPStatus.OK, b"TRADER.index({});\n")
    assert found.kind.startswith("text/javascript")


@pytest.mark.parametrize(
    "path",
    [
        *("/../secret.js", "/..%2Fsecret.js", "//secret.js", "/data/../../secret.js", "/./index.html", "/bot.json"),
        *("/notes.txt", "/data", "/data/", "/nothing.js", "/\x00.js", "/data/index.js/"),
    ],
)
def test_nothing_else_of_the_store_is_given_away(storage, path):
    assert answer(storage, path=path).status is HTTPStatus.NOT_FOUND


def test_what_the_browser_has_is_not_sent_again(storage):
    tag = answer(storage, path="/").tag
    assert answer(storage, path="/", known_tag=tag) == answer(storage, path="/", known_tag=tag)
    assert answer(storage, path="/", known_tag=tag).status is HTTPStatus.NOT_MODIFIED
    storage.put("dashboard/index.html", b"<p>newer</p>")
    assert answer(storage, path="/", known_tag=tag).body == b"<p>newer</p>"


def test_a_storage_that_does_not_answer_is_said_to(storage, monkeypatch):
    def unreachable(key):
        raise Retryable("s3://bucket does not answer")

    monkeypatch.setattr(storage, "get", unreachable)
    found = answer(storage, path="/")
    assert (found.status, found.body) == (HTTPStatus.SERVICE_UNAVAILABLE, b"s3://bucket does not answer\n")


def test_it_speaks_http_with_headers_that_forbid_the_rest(server):
    response, body = ask(server, "/")
    assert (response.status, body) == (200, b"<p>page</p>")
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    again, nothing = ask(server, "/", **{"If-None-Match": response.headers["ETag"]})
    assert (again.status, nothing) == (304, b"")
    head, nothing = ask(server, "/", method="HEAD")
    assert (head.status, head.headers["Content-Length"], nothing) == (200, "11", b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_only_reads(server, method):
    assert ask(server, "/index.html", method=method)[0].status == 501


@pytest.mark.parametrize(
    ("host", "status"), [("localhost", 200), ("127.0.0.1:99", 200), ("evil.example", 403), ("", 403)]
)
def test_a_page_of_another_site_cannot_read_it_under_that_sites_name(server, host, status):
    assert ask(server, "/", Host=host)[0].status == status


def test_it_listens_on_this_machine_alone_and_a_taken_port_is_named(server, storage):
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(BadConfig, match=f"--port {server.server_port} cannot be used"):
        DashboardServer(storage, port=server.server_port)
