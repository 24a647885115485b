from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codec.records import AvroCodec
from pipeline.codec.schemas import SchemaBook
from pipeline.core.errors import DecodeError, InvalidRecord, SchemaError
from pipeline.core.records import Record
from pipeline.core.values import Frame, Image
from tests.samples import records, stamp, values

BOOK = SchemaBook()
HEADED = [
    (codec, codec.encode(records(name)[0]).value[:10])
    for name, codec in ((name, AvroCodec(BOOK, name)) for name in ("poses", "measures", "frame"))
]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if is_dataclass(a) and type(a) is type(b):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


@pytest.mark.parametrize("name", sorted(values()))
def test_every_value_comes_back_as_it_was(name: str) -> None:
    codec = AvroCodec(BOOK, name)
    for record in records(name):
        back = codec.decode(*codec.encode(record))

        assert same(back, record)


@pytest.mark.parametrize("name", sorted(values()))
def test_every_cut_of_the_bytes_is_refused(name: str) -> None:
    codec = AvroCodec(BOOK, name)
    for record in records(name):
        content = codec.encode(record).value
        for end in range(0, len(content), max(1, len(content) // 50)):
            with pytest.raises(InvalidRecord):
                codec.decode(content[:end])


def test_bytes_behind_a_record_are_refused() -> None:
    codec = AvroCodec(BOOK, "event")
    content = codec.encode(records("event")[0]).value

    with pytest.raises(DecodeError, match="3 bytes behind the record"):
        codec.decode(content + b"abc")


def test_unknown_fingerprint_names_the_file_that_is_missing() -> None:
    codec = AvroCodec(BOOK, "event")
    content = codec.encode(records("event")[0]).value

    with pytest.raises(SchemaError, match="0102030405060708") as caught:
        codec.decode(content[:2] + bytes(range(1, 9)) + content[10:])
    assert "schemas/history/event/0102030405060708.avsc" in str(caught.value.hint)


@given(st.binary(max_size=400))
def test_any_bytes_behind_a_good_header_give_a_record_or_an_invalid_record(tail: bytes) -> None:
    for codec, header in HEADED:
        try:
            codec.decode(header + tail)
        except InvalidRecord:
            continue


def test_arrays_cannot_be_changed_once_they_are_inside() -> None:
    codec = AvroCodec(BOOK, "poses")
    back = codec.decode(*codec.encode(records("poses")[0]))

    with pytest.raises(ValueError, match="read-only"):
        back.value.keypoints[0, 0, 0] = 1


def test_pixels_travel_beside_the_bytes_and_are_the_very_same_array() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    record = Record(stamp(), Frame(Image(4, 2, "bgr24", pixels), np.zeros((0, 4), np.float32)))
    codec = AvroCodec(BOOK, "frame")

    encoded = codec.encode(record)

    assert pixels.tobytes() not in encoded.value
    assert codec.decode(*encoded).value.image.data is pixels


def test_strict_codec_packs_pixels_into_the_bytes() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    record = Record(stamp(), Frame(Image(4, 2, "bgr24", pixels), np.zeros((0, 4), np.float32)))
    codec = AvroCodec(BOOK, "frame", pack=lambda image: Image(image.width, image.height, "bgr24", pixels.tobytes()))

    encoded = codec.encode(record)

    assert encoded.attachment is None
    assert np.array_equal(codec.decode(encoded.value).value.image.data, pixels)


def test_missing_pixels_are_an_invalid_record() -> None:
    codec = AvroCodec(BOOK, "frame")
    pixels = np.zeros((2, 4, 3), np.uint8)
    encoded = codec.encode(Record(stamp(), Frame(Image(4, 2, "bgr24", pixels), np.zeros((0, 4), np.float32))))

    with pytest.raises(DecodeError, match="0 bytes, expected 24"):
        codec.decode(encoded.value)
