"""A schema registry with the endpoints of Confluent's API that are used here; it passes the suite of a real one."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from fastavro.schema import SchemaParseException, parse_schema

from pipeline.codec.compatibility import problems


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.content = {"error_code": code, "message": message}


class FakeRegistry:
    """What a registry keeps, and how it is at the moment.

    Attributes:
        asked: Method and path of every question.
        down: Answers 503 to everything.
    """

    def __init__(self, *, login: tuple[str, str] | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        self.down = False
        self.url = ""
        self._login = login
        self._lock = threading.Lock()
        self._schemas: list[Any] = []
        self._subjects: dict[str, list[int]] = {}
        self._levels: dict[str, str] = {}

    def answer(self, method: str, path: str, body: Mapping[str, Any], login: str | None) -> Any:
        """What is said to a question. Raises Refused."""
        path = urlsplit(path).path
        with self._lock:
            self.asked.append((method, path))
            if self.down:
                raise Refused(503, 50003, "the store is away")
            if self._login is not None:
                wanted = base64.b64encode(":".join(self._login).encode()).decode()
                if login != f"Basic {wanted}":
                    raise Refused(401, 401, "Unauthorized")
            for verb, pattern, work in self._routes():
                found = re.fullmatch(pattern, path)
                if verb == method and found is not None:
                    return work(body, *map(unquote, found.groups()))
        raise Refused(404, 404, "HTTP 404 Not Found")

    def _routes(self) -> Iterator[tuple[str, str, Callable[..., Any]]]:
        yield "GET", "/subjects", lambda _: sorted(self._subjects)
        yield "POST", "/subjects/([^/]+)", self._look_up
        yield "POST", "/subjects/([^/]+)/versions", self._register
        yield "GET", "/subjects/([^/]+)/versions", lambda _, subject: list(range(1, len(self._ids(subject)) + 1))
        yield "GET", "/subjects/([^/]+)/versions/([^/]+)", self._version
        yield "GET", r"/schemas/ids/(-?\d+)", self._schema
        yield "GET", "/config/([^/]+)", self._level
        yield "PUT", "/config/([^/]+)", self._set_level

    def _ids(self, subject: str) -> list[int]:
        if subject not in self._subjects:
            raise Refused(404, 40401, f"Subject '{subject}' not found.")
        return self._subjects[subject]

    def _look_up(self, body: Mapping[str, Any], subject: str) -> Any:
        wanted = _parsed(body)
        for number, id in enumerate(self._ids(subject), 1):
            if self._schemas[id - 1] == wanted:
                return {"subject": subject, "version": number, "id": id, "schema": json.dumps(wanted)}
        raise Refused(404, 40403, "Schema not found")

    def _register(self, body: Mapping[str, Any], subject: str) -> Any:
        new = _parsed(body)
        ids = self._subjects.get(subject, [])
        for id in ids:
            if self._schemas[id - 1] == new:
                return {"id": id}
        if self._levels.get(subject) == "FULL_TRANSITIVE":
            for id in ids:
                old = self._schemas[id - 1]
                if against := problems(old, new) + problems(new, old):
                    raise Refused(409, 409, f"Schema being registered is incompatible: {against[0]}")
        if new not in self._schemas:
            self._schemas.append(new)
        id = self._schemas.index(new) + 1
        self._subjects[subject] = [*ids, id]
        return {"id": id}

    def _version(self, _: Mapping[str, Any], subject: str, number: str) -> Any:
        ids = self._ids(subject)
        at = len(ids) if number == "latest" else int(number)
        if not 1 <= at <= len(ids):
            raise Refused(404, 40402, f"Version {number} not found.")
        return {
            "subject": subject,
            "version": at,
            "id": ids[at - 1],
            "schema": json.dumps(self._schemas[ids[at - 1] - 1]),
        }

    def _schema(self, _: Mapping[str, Any], id: str) -> Any:
        if not 1 <= int(id) <= len(self._schemas):
            raise Refused(404, 40403, f"Schema {id} not found")
        return {"schema": json.dumps(self._schemas[int(id) - 1])}

    def _level(self, _: Mapping[str, Any], subject: str) -> Any:
        if subject not in self._levels:
            raise Refused(404, 40408, f"Subject '{subject}' does not have subject-level compatibility configured")
        return {"compatibilityLevel": self._levels[subject]}

    def _set_level(self, body: Mapping[str, Any], subject: str) -> Any:
        self._levels[subject] = body["compatibility"]
        return {"compatibility": body["compatibility"]}


@contextmanager
def served(registry: FakeRegistry, port: int = 0) -> Iterator[FakeRegistry]:
    """The registry at `registry.url` while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            try:
                status, said = 200, registry.answer(self.command, self.path, body, self.headers.get("Authorization"))
            except Refused as refused:
                status, said = refused.status, refused.content
            content = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    registry.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _parsed(body: Mapping[str, Any]) -> Any:
    try:
        schema = json.loads(body["schema"])
        parse_schema(json.loads(body["schema"]))
    except (ValueError, KeyError, SchemaParseException) as error:
        raise Refused(422, 42201, f"Input schema is an invalid Avro schema: {error}") from error
    return schema
