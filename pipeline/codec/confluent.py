"""Confluent's wire format: a zero byte, the registry's id of the schema in four bytes, the datum."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

from fastavro.schema import SchemaParseException

from pipeline.codec.compatibility import problems
from pipeline.codec.schemas import Schema, SchemaBook
from pipeline.core.errors import ConfigError, DecodeError, SchemaError

MAGIC = b"\0"
HEADER_BYTES = 5


class Registry(Protocol):
    """What the format asks of a registry (`pipeline.codec.registry`)."""

    url: str

    def id_of(self, subject: str, schema: Schema) -> int | None:
        """The id of a schema under a subject, None where it was not published there. Raises TransientError."""
        ...

    def definition(self, id: int) -> Any | None:
        """The schema of an id as JSON, None where the registry does not know it. Raises TransientError."""
        ...


def subject_of(prefix: str, topic: str) -> str:
    """Under which a topic's schemas are published: Confluent's TopicNameStrategy."""
    return f"{prefix}{topic}-value"


class ConfluentFormat:
    """Ids and schemas of one topic.

    Args:
        registry: Asked once for each id.
        book: Our own schemas: a version that we know is taken from here, with our attributes.
        name: Of the topic's schema.
        subject: Of the topic.
    """

    def __init__(self, registry: Registry, book: SchemaBook, name: str, subject: str) -> None:
        self._registry = registry
        self._book = book
        self._name = name
        self._subject = subject
        self._writers: dict[int, Schema] = {}

    @cached_property
    def header(self) -> bytes:
        """What our own records begin with. Raises ConfigError where our schema was not published, TransientError."""
        id = self._registry.id_of(self._subject, self._book.newest(self._name))
        if id is None:
            raise ConfigError(
                f"the schema registry {self._registry.url} does not have our schema under {self._subject}",
                hint="posebus schemas publish",
            )
        return MAGIC + id.to_bytes(4, "big")

    def writer(self, content: bytes) -> Schema:
        """The schema that the bytes were written with. Raises DecodeError, SchemaError, TransientError."""
        if len(content) < HEADER_BYTES:
            raise DecodeError(f"{self._name}: {len(content)} bytes, expected an id of four bytes behind the first")
        id = int.from_bytes(content[1:HEADER_BYTES], "big")
        if id not in self._writers:
            self._writers[id] = self._known(id)
        return self._writers[id]

    def _known(self, id: int) -> Schema:
        definition = self._registry.definition(id)
        if definition is None:
            raise SchemaError(
                f"{self._name}: the schema registry {self._registry.url} knows no id {id}",
                hint="it was written with another registry, or is no record",
            )
        if not isinstance(definition, dict) or definition.get("type") != "record":
            raise SchemaError(f"{self._name}: the schema with the id {id} is no record")
        told = Schema(self._name, definition)
        try:
            ours = self._book.versions(self._name).get(told.fingerprint)
            if ours is not None:
                return ours
            against = problems(definition, self._book.newest(self._name).definition)
        except (KeyError, ValueError, TypeError, AttributeError, SchemaParseException) as error:
            raise SchemaError(f"{self._name}: the schema with the id {id} is no Avro schema: {error!r}") from error
        if against:
            raise SchemaError(f"{self._name}: records with the schema id {id} cannot be read: {against[0]}")
        return told
