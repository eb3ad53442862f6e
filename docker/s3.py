"""A small S3 server for a laptop: moto's, with everything that is written kept in one SQLite file.

moto alone forgets when it ends. Here a write is in the file before it is answered, and the file is read back at the
start. Conditional writes are moto's own, and honoured. Nobody is asked for a password: whoever reaches the port may
read and write, browsers may read what lies in a folder named `dashboard`. It is for one machine, not for a network.
"""

import argparse
import json
import logging
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

REGION = "eu-central-1"
_TABLE = "create table if not exists objects (bucket, key, body blob, headers, primary key (bucket, key))"
_READERS = {"GET", "HEAD", "OPTIONS"}
_KEPT_HEADERS = ("Content-Type", "Cache-Control")

Answer = Iterable[bytes]


class KeptObjects:
    """moto's objects, and the same in a file; a WSGI application."""

    def __init__(self, file: Path) -> None:
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._database.execute("pragma synchronous = full")
        self._database.execute(_TABLE)
        self._backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self._serve = create_backend_app("s3")
        self._one_writer = threading.Lock()

    def open_bucket(self, name: str) -> int:
        """Make a bucket and put into it what the file has of it; returns how many objects that are."""
        self._backend.create_bucket(name, REGION)
        statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
        readable = [f"arn:aws:s3:::{name}/dashboard/*", f"arn:aws:s3:::{name}/*/dashboard/*"]
        policy = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": each} for each in readable]}
        self._backend.put_bucket_policy(name, json.dumps(policy).encode())
        rows = self._database.execute("select key, body, headers from objects where bucket = ?", (name,)).fetchall()
        for key, body, headers in rows:
            self._backend.put_object(name, key, body).set_metadata(json.loads(headers), replace=True)
        return len(rows)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Answer:
        """Answer a request; one that changes something is answered when the file has it, too."""
        if environ["REQUEST_METHOD"] in _READERS:
            return self._serve(environ, start_response)
        bucket, _, key = unquote(environ["PATH_INFO"]).removeprefix("/").partition("/")
        with self._one_writer:
            answer = list(self._serve(environ, start_response))
            self._keep(bucket, key)
            return answer

    def _keep(self, bucket: str, key: str) -> None:
        """Make the file agree with what became of one object, or of a whole bucket where no object was named."""
        known = self._backend.buckets.get(bucket)
        now = {} if known is None else known.keys
        kept = {row[0] for row in self._database.execute("select key from objects where bucket = ?", (bucket,))}
        for name in [key] if key else kept | set(now):
            found = now.get(name)
            if found is None:
                self._database.execute("delete from objects where bucket = ? and key = ?", (bucket, name))
            elif key or name not in kept:
                headers = {each: found.metadata[each] for each in _KEPT_HEADERS if each in found.metadata}
                row = (bucket, name, found.value, json.dumps(headers))
                self._database.execute("insert or replace into objects values (?, ?, ?, ?)", row)


def main() -> None:
    """Serve until TERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 - the container's; what is published is compose's
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--bucket", required=True)
    words = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    objects = KeptObjects(words.file)
    count = objects.open_bucket(words.bucket)
    server = make_server(words.host, words.port, objects, threaded=True)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    sys.stdout.write(f"s3://{words.bucket} at port {server.server_port}, {count} objects from {words.file}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
