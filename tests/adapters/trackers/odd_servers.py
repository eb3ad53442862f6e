"""HTTP servers that MLflow's client may meet instead of MLflow: which of them is the first part of the path."""

import base64
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = "ann", "open-sesame/?@1"
_PAGE = b"<html><body><h1>Welcome to nginx!</h1></body></html>"
_ANSWERS = {"page": 200, "missing": 404, "forbidden": 403, "broken": 500}


@contextmanager
def odd_server(relayed_port=None):
    """Yield the address of a server; below /guarded it relays to a port whoever knows USER and PASSWORD."""

    class Answer(BaseHTTPRequestHandler):
        def _answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            _, kind, rest = self.path.split("/", 2)
            if kind == "guarded":
                self._relay(body, rest)
            else:
                self._say(_ANSWERS[kind], _PAGE, "text/html")

        do_GET = do_POST = do_PUT = _answer  # noqa: N815

        def _relay(self, body, rest):
            expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if self.headers.get("Authorization") != f"Basic {expected}":
                self._say(401, b"You are not authenticated.", "text/plain")
                return
            connection = HTTPConnection("127.0.0.1", relayed_port)
            kept = {name: value for name, value in self.headers.items() if name.lower() in ("content-type", "accept")}
            connection.request(self.command, f"/{rest}", body=body, headers=kept)
            answer = connection.getresponse()
            self._say(answer.status, answer.read(), answer.headers["Content-Type"])
            connection.close()

        def _say(self, status, body, kind):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass

    server = Quiet(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
