from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codec.binding import Binding
from pipeline.codec.direct import BROKEN, direct
from pipeline.codec.records import CLASSES
from pipeline.codec.schemas import SchemaBook
from pipeline.codec.single_object import SingleObject
from pipeline.core.errors import InvalidRecord
from tests.samples import records, values
from tests.unit.codec.test_records import same

BOOK = SchemaBook()
_HEADER = 10


class Both:
    """The direct and the general way of one schema, and what the general one makes of the samples."""

    def __init__(self, name: str) -> None:
        self.general = SingleObject(BOOK, name)
        envelope = {**self.general.definition, "name": "Record"}
        self.binding = Binding(envelope, CLASSES)
        self.write, self.read = direct(envelope, CLASSES)
        # Pixels that are an array travel beside the bytes.
        self.samples = [
            record
            for record in records(name)
            if isinstance(getattr(getattr(record.value, "image", None), "data", b""), bytes)
        ]
        self.contents = [self.general.encode(self.binding.to_datum(record)) for record in self.samples]


BOTH = {name: Both(name) for name in sorted(values())}


@pytest.mark.parametrize("name", BOTH)
def test_both_ways_write_the_same_bytes(name: str) -> None:
    both = BOTH[name]
    for record, content in zip(both.samples, both.contents, strict=True):
        assert both.general.header + both.write(record) == content


@pytest.mark.parametrize("name", [name for name in BOTH if BOTH[name].contents])
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_damaged_bytes_are_refused_or_read_as_the_general_way_reads_them(name: str, data: st.DataObject) -> None:
    both = BOTH[name]
    content = bytearray(data.draw(st.sampled_from(both.contents)))
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(_HEADER, len(content) - 1))] = data.draw(st.integers(0, 255))

    try:
        found, end = both.read(bytes(content), _HEADER)
    except BROKEN:
        return
    if end == len(content):
        expected = general(both, bytes(content))
        assert same(found, expected) or repr(found) == repr(expected)  # no NaN is the same as itself


@pytest.mark.parametrize("name", BOTH)
def test_whole_records_never_need_the_general_way(name: str) -> None:
    both = BOTH[name]
    for record, content in zip(both.samples, both.contents, strict=True):
        found, end = both.read(content, _HEADER)

        assert end == len(content)
        assert same(found, record)


def general(both: Both, content: bytes) -> Any:
    try:
        return both.binding.from_datum(both.general.decode(content))
    except InvalidRecord as error:
        return error
