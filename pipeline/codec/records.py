"""Records of a topic to bytes and back; pixels stay beside the bytes where the bus allows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.codec.binding import Binding
from pipeline.codec.schemas import SchemaBook
from pipeline.codec.single_object import SingleObject
from pipeline.core import records, values
from pipeline.core.errors import DecodeError
from pipeline.core.ports import Encoded
from pipeline.core.records import Record
from pipeline.core.values import Image

_CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        records.Stamp, records.Dropped, records.Tick, values.Image, values.Frame, values.Detections, values.Poses,
        values.Tracks, values.Motions, values.Measures, values.Event, values.Transition, values.DeadLetter,
    )
}  # fmt: skip

Pack = Callable[[Image], Image]


class AvroCodec:
    """The codec of one topic.

    Args:
        book: All schemas.
        name: The schema of the topic.
        pack: Turns an image that is an array into one of bytes (JPEG). None: arrays travel by reference, beside the
            bytes, which only a bus within the process can do.
    """

    def __init__(self, book: SchemaBook, name: str, pack: Pack | None = None) -> None:
        self._avro = SingleObject(book, name)
        envelope = {**self._avro.definition, "name": "Record"}
        self._binding = Binding(envelope, {**_CLASSES, "Record": Record})
        self._pack = pack

    def encode(self, record: Record[Any]) -> Encoded:
        """The record as bytes, and its pixels where they are not packed into them."""
        image = getattr(record.value, "image", None)
        attachment = None
        if image is not None and not isinstance(image.data, bytes):
            packed = self._pack(image) if self._pack else replace(image, data=b"")
            attachment = None if self._pack else image.data
            record = replace(record, value=replace(record.value, image=packed))
        return Encoded(self._avro.encode(self._binding.to_datum(record)), attachment)

    def decode(self, value: bytes, attachment: Any = None) -> Record[Any]:
        """Raises DecodeError, SchemaError."""
        record: Record[Any] = self._binding.from_datum(self._avro.decode(value))
        image = getattr(record.value, "image", None)
        if image is None:
            return record
        if attachment is not None:
            image = replace(image, data=attachment)
        elif image.encoding == "bgr24":
            image = replace(image, data=_pixels(image))
        return replace(record, value=replace(record.value, image=image))


def _pixels(image: Image) -> Any:
    expected = image.width * image.height * 3
    if len(image.data) != expected:
        raise DecodeError(f"an image of {image.width}x{image.height} with {len(image.data)} bytes, expected {expected}")
    return np.frombuffer(image.data, dtype=np.uint8).reshape(image.height, image.width, 3)
