"""Avro's single-object encoding: two marker bytes, the schema's fingerprint, the datum."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from fastavro import schemaless_reader, schemaless_writer

from pipeline.codec.direct import BROKEN
from pipeline.codec.schemas import Schema, SchemaBook
from pipeline.core.errors import DecodeError

MARKER = b"\xc3\x01"
_HEADER = 10


class SingleObject:
    """Datums of one schema to bytes and back; older versions are read into the newest.

    Args:
        book: All schemas.
        name: The one that is meant here.
    """

    def __init__(self, book: SchemaBook, name: str) -> None:
        self._book = book
        self._name = name
        self._newest = book.newest(name)
        self._header = MARKER + self._newest.fingerprint

    @property
    def definition(self) -> Mapping[str, Any]:
        """The newest version of the schema, expanded."""
        return self._newest.definition

    @property
    def header(self) -> bytes:
        """What the bytes of the newest version begin with."""
        return self._header

    def encode(self, datum: Mapping[str, Any], header: bytes | None = None) -> bytes:
        """The datum as bytes, behind another header where one is given."""
        buffer = BytesIO()
        buffer.write(self._header if header is None else header)
        schemaless_writer(buffer, self._newest.parsed, datum)
        return buffer.getvalue()

    def decode(self, content: bytes) -> Any:
        """The datum out of the bytes. Raises DecodeError for broken bytes, SchemaError for an unknown version."""
        if len(content) < _HEADER or content[:2] != MARKER:
            raise DecodeError(
                f"{self._name}: {len(content)} bytes that begin with {content[:2].hex() or 'nothing'}, "
                f"expected the single-object marker c301"
            )
        mark = content[2:_HEADER]
        return self.read(content, _HEADER, self._newest if mark == self._header[2:] else self.writer(mark))

    def writer(self, mark: bytes) -> Schema:
        """The version with this fingerprint. Raises SchemaError."""
        return self._book.writer(self._name, mark)

    def read(self, content: bytes, at: int, writer: Schema) -> Any:
        """The datum that begins at a place, as it was written with `writer`. Raises DecodeError."""
        buffer = BytesIO(content)
        buffer.seek(at)
        try:
            datum = schemaless_reader(buffer, writer.parsed, self._newest.parsed, return_record_name=True)
        except BROKEN as error:
            raise DecodeError(f"{self._name}: the bytes are not what their schema says: {error!r}") from error
        rest = len(content) - buffer.tell()
        if rest:
            raise DecodeError(f"{self._name}: {rest} bytes behind the record")
        return datum
