"""The client of a schema registry with Confluent's API: ids of schemas, and schemas of ids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import quote

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from pipeline.codec.schemas import Schema
from pipeline.core.errors import ConfigError, TransientError

COMPATIBILITY = "FULL_TRANSITIVE"
"""Every version can be read with every other one, as our own history asks for."""

_KIND = "application/vnd.schemaregistry.v1+json"
_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA, _NO_LEVEL = 40401, 40402, 40403, 40408
_MISSING = (_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA, _NO_LEVEL)
_REFUSED, _CONFLICT, _INVALID, _TRY_LATER = (401, 403), 409, 422, (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a subject.

    Attributes:
        number: From 1, grows with each.
        id: Of its schema, the same in all subjects.
        definition: The schema as JSON.
    """

    number: int
    id: int
    definition: Any


class SchemaRegistry:
    """Asks a registry. What it once said of an id is kept for good: an id never means another schema.

    Threads may share it. Whatever it is asked raises TransientError where it does not answer, ConfigError where it
    refuses us or is no registry.

    Args:
        url: Where its API begins, without name or password.
        username, password: None where it asks for none.
        attempts: How often a question is asked before TransientError is raised.
        first_wait_s: Wait after the first failure, seconds; it doubles from there.
        timeout_s: For connecting, and for the answer, seconds.
    """

    def __init__(
        self,
        url: str,
        username: str | None = None,
        password: str | None = None,
        *,
        attempts: int = 3,
        first_wait_s: float = 0.2,
        timeout_s: float = 5.0,
    ) -> None:
        self.url = url.rstrip("/")
        self._auth = None if username is None else httpx.BasicAuth(username, password or "")
        self._timeout_s = timeout_s
        self._retrying = Retrying(
            stop=stop_after_attempt(attempts),
            wait=wait_exponential(multiplier=first_wait_s),
            retry=retry_if_exception_type(TransientError),
            reraise=True,
        )
        self._lock = Lock()
        self._ids: dict[tuple[str, bytes], int] = {}
        self._definitions: dict[int, Any] = {}

    def __repr__(self) -> str:
        return f"SchemaRegistry({self.url!r})"

    def id_of(self, subject: str, schema: Schema) -> int | None:
        """The id of a schema under a subject, None where it was not published there."""
        key = subject, schema.fingerprint
        with self._lock:
            if key in self._ids:
                return self._ids[key]
        said = self._ask("POST", f"/subjects/{_quoted(subject)}", _body(schema))
        if said is None:
            return None
        self._keep(key, _number(said, "id"), schema)
        return self._ids[key]

    def definition(self, id: int) -> Any | None:
        """The schema of an id as JSON, None where the registry does not know it."""
        with self._lock:
            if id in self._definitions:
                return self._definitions[id]
        said = self._ask("GET", f"/schemas/ids/{id}")
        if said is None:
            return None
        found = _definition(said)
        with self._lock:
            self._definitions[id] = found
        return found

    def publish(self, subject: str, schema: Schema) -> int:
        """Add the schema to a subject whose versions can all read each other; its id. Harmless when it is there.

        Raises ConfigError where the registry refuses it.
        """
        if self.compatibility(subject) != COMPATIBILITY:
            self._ask("PUT", f"/config/{_quoted(subject)}", {"compatibility": COMPATIBILITY})
        said = self._ask("POST", f"/subjects/{_quoted(subject)}/versions", _body(schema))
        self._keep((subject, schema.fingerprint), _number(said, "id"), schema)
        return self._ids[subject, schema.fingerprint]

    def subjects(self) -> list[str]:
        """Names of all subjects."""
        said = self._ask("GET", "/subjects")
        return sorted(str(name) for name in said) if isinstance(said, list) else []

    def versions(self, subject: str) -> list[Version]:
        """All versions of a subject, oldest first; none where there is no such subject."""
        numbers = self._ask("GET", f"/subjects/{_quoted(subject)}/versions")
        found = []
        for number in sorted(numbers) if isinstance(numbers, list) else []:
            said = self._ask("GET", f"/subjects/{_quoted(subject)}/versions/{number}")
            if said is not None:
                found.append(Version(_number(said, "version"), _number(said, "id"), _definition(said)))
        return found

    def compatibility(self, subject: str) -> str | None:
        """The level of a subject, None where it has none of its own."""
        said = self._ask("GET", f"/config/{_quoted(subject)}")
        return None if said is None else str(said.get("compatibilityLevel"))

    def _keep(self, key: tuple[str, bytes], id: int, schema: Schema) -> None:
        with self._lock:
            self._ids[key] = id
            self._definitions[id] = schema.definition

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer as JSON, None where what is asked for is not there."""
        # Certificates are always checked; for plain http they need not be read, which takes a tenth of a second.
        with httpx.Client(auth=self._auth, timeout=self._timeout_s, verify=self.url.startswith("https")) as client:
            return self._retrying(self._answer, client, method, path, body)

    def _answer(self, client: httpx.Client, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            answer = client.request(
                method, self.url + path, json=body, headers={"Accept": _KIND, "Content-Type": _KIND}
            )
        except httpx.HTTPError as error:
            raise TransientError(
                f"the schema registry {self.url} does not answer: {type(error).__name__}",
                hint="look at `schema_registry` in the configuration, or start it",
            ) from error
        status, said = answer.status_code, _json(answer)
        if answer.is_success and said is not None:
            return said
        told = f": {said['message']}" if isinstance(said, dict) and said.get("message") else ""
        if status == httpx.codes.NOT_FOUND and isinstance(said, dict) and said.get("error_code") in _MISSING:
            return None
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in _TRY_LATER:
            raise TransientError(f"the schema registry {self.url} answered {status}{told}")
        if status in _REFUSED:
            raise ConfigError(
                f"the schema registry {self.url} refuses us: {status}{told}",
                hint="look at `username` and `password` of `schema_registry`",
            )
        if status in (_CONFLICT, _INVALID):
            raise ConfigError(
                f"the schema registry {self.url} refuses {path}{told}",
                hint="posebus schemas check shows what differs; a field is only ever added, with a default",
            )
        raise ConfigError(
            f"{self.url}{path} answered {status}, which is no answer of a schema registry{told}",
            hint="`schema_registry.url` is where its API begins, such as http://registry:8081",
        )


def _body(schema: Schema) -> dict[str, str]:
    return {"schema": json.dumps(schema.definition, separators=(",", ":")), "schemaType": "AVRO"}


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _number(said: Any, name: str) -> int:
    if not isinstance(said, dict) or not isinstance(said.get(name), int):
        raise ConfigError(f"the schema registry said {said!r}, expected a number named {name}")
    return int(said[name])


def _definition(said: Any) -> Any:
    try:
        return json.loads(said["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"the schema registry said {said!r}, expected an Avro schema") from error


def _quoted(subject: str) -> str:
    return quote(subject, safe="")
