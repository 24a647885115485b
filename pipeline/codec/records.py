"""Records of a topic to bytes and back; pixels stay beside the bytes where the bus allows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.codec.binding import Binding
from pipeline.codec.confluent import HEADER_BYTES, MAGIC, ConfluentFormat
from pipeline.codec.direct import BROKEN, direct
from pipeline.codec.schemas import Schema, SchemaBook
from pipeline.codec.single_object import SingleObject
from pipeline.core import records, values
from pipeline.core.errors import DecodeError, SchemaError
from pipeline.core.ports import Encoded
from pipeline.core.records import Record
from pipeline.core.values import Image

CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        Record, records.Stamp, records.Dropped, records.Tick,
        values.Image, values.Frame, values.Detections, values.Poses, values.Tracks, values.Motions, values.Measures,
        values.Event, values.Transition, values.DeadLetter,
    )
}  # fmt: skip
"""Dataclass of each Avro record."""

Pack = Callable[[Image], Image]


class AvroCodec:
    """The codec of one topic.

    Args:
        book: All schemas.
        name: The schema of the topic.
        pack: Turns an image that is an array into one of bytes (JPEG). None: arrays travel by reference, beside the
            bytes, which only a bus within the process can do.
        confluent: Records are written in this format; None: in Avro's single-object encoding. Either way those in
            single-object encoding are read, and with `confluent` both.
    """

    def __init__(
        self, book: SchemaBook, name: str, pack: Pack | None = None, confluent: ConfluentFormat | None = None
    ) -> None:
        self._avro = SingleObject(book, name)
        envelope = {**self._avro.definition, "name": "Record"}
        self._binding = Binding(envelope, CLASSES)
        self._write, self._read = direct(envelope, CLASSES)
        self._fingerprint = book.newest(name).fingerprint
        self._header = self._avro.header
        self._name = name
        self._pack = pack
        self._confluent = confluent

    def prepare(self) -> None:
        """Find out now what the first `encode` would. Raises ConfigError, TransientError."""
        if self._confluent is not None:
            _ = self._confluent.header

    def encode(self, record: Record[Any]) -> Encoded:
        """The record as bytes, and its pixels where they are not packed into them."""
        image = getattr(record.value, "image", None)
        attachment = None
        if image is not None and not isinstance(image.data, bytes):
            if self._pack is None:
                attachment = image.data
            else:
                record = _with_image(record, self._pack(image))
        header = self._header if self._confluent is None else self._confluent.header
        try:
            return Encoded(header + self._write(record), attachment)
        except BROKEN:
            if image is not None and attachment is not None:
                record = _with_image(record, replace(image, data=b""))
            return Encoded(self._avro.encode(self._binding.to_datum(record), header), attachment)

    def decode(self, value: bytes, attachment: Any = None) -> Record[Any]:
        """Raises DecodeError, SchemaError; TransientError where a registry has to be asked and does not answer."""
        record = self._decoded(value)
        image = getattr(record.value, "image", None)
        # It was only just made: copies of image, value and record would take as long as all the rest.
        if attachment is not None and image is not None:
            object.__setattr__(image, "data", attachment)
        elif image is not None and image.encoding == "bgr24":
            object.__setattr__(image, "data", _pixels(image))
        return record

    def _decoded(self, value: bytes) -> Record[Any]:
        record: Record[Any]
        writer, at = None, len(self._header)
        newest = value.startswith(self._header)
        if value.startswith(MAGIC):
            writer, at = self._registered(value), HEADER_BYTES
            newest = writer.fingerprint == self._fingerprint
        if newest:
            try:
                record, end = self._read(value, at)
                if end == len(value):
                    return record
            except BROKEN:
                pass
        # Of an older version, or broken: the general way reads it or says what is wrong.
        datum = self._avro.decode(value) if writer is None else self._avro.read(value, at, writer)
        record = self._binding.from_datum(datum)
        return record

    def _registered(self, value: bytes) -> Schema:
        if self._confluent is None:
            raise SchemaError(
                f"{self._name}: a record with an id of a schema registry, and none is configured",
                hint="set `schema_registry` in the configuration",
            )
        return self._confluent.writer(value)


def _with_image(record: Record[Any], image: Image) -> Record[Any]:
    return Record(record.stamp, replace(record.value, image=image))


def _pixels(image: Image) -> Any:
    expected = image.width * image.height * 3
    if len(image.data) != expected:
        raise DecodeError(f"an image of {image.width}x{image.height} with {len(image.data)} bytes, expected {expected}")
    return np.frombuffer(image.data, dtype=np.uint8).reshape(image.height, image.width, 3)
