"""Records in Confluent's wire format and in single-object encoding, read by others and by us."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import fastavro
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from pipeline.codec.confluent import ConfluentFormat
from pipeline.codec.records import AvroCodec
from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.schemas import Schema, SchemaBook
from pipeline.core.errors import ConfigError, DecodeError, InvalidRecord, SchemaError, TransientError
from tests.registry.fake import FakeRegistry
from tests.registry.test_registry import grown
from tests.samples import records, values
from tests.unit.codec.test_records import same

BOOK = SchemaBook()
NAMES = sorted(values())


@pytest.fixture
def registry(registry_url: str, prefix: str) -> SchemaRegistry:
    """With all our schemas."""
    made = SchemaRegistry(registry_url)
    for name in NAMES:
        made.publish(f"{prefix}{name}-value", BOOK.newest(name))
    return made


@pytest.fixture
def fake(fake_registry: FakeRegistry) -> FakeRegistry:
    """With the schema of events."""
    SchemaRegistry(fake_registry.url).publish("event-value", BOOK.newest("event"))
    return fake_registry


@pytest.fixture
def theirs(registry_url: str) -> Iterator[SchemaRegistryClient]:
    """Confluent's own client of the registry."""
    with SchemaRegistryClient({"url": registry_url}) as client:
        yield client


def codec(registry: SchemaRegistry, name: str, prefix: str = "") -> AvroCodec:
    return AvroCodec(BOOK, name, confluent=ConfluentFormat(registry, BOOK, name, f"{prefix}{name}-value"))


def quick(fake: FakeRegistry) -> SchemaRegistry:
    return SchemaRegistry(fake.url, attempts=1, timeout_s=2.0)


@pytest.mark.parametrize("name", NAMES)
def test_confluents_deserializer_reads_our_records(
    name: str, registry: SchemaRegistry, theirs: SchemaRegistryClient, prefix: str
) -> None:
    deserialized = AvroDeserializer(theirs, return_record_name=True)
    place = SerializationContext(f"{prefix}{name}", MessageField.VALUE)
    ours = codec(registry, name, prefix)
    single = AvroCodec(BOOK, name)

    for record in records(name):
        read = deserialized(ours.encode(record).value, place)

        # The datum that a third program, plain fastavro, reads from the other encoding with the schema of the file.
        content = io.BytesIO(single.encode(record).value[10:])
        schema = fastavro.parse_schema(json.loads(json.dumps(BOOK.newest(name).definition)))
        datum = fastavro.schemaless_reader(content, schema, None, return_record_name=True)
        assert not content.read()
        assert same_datum(read, datum)
        assert read["stamp"]["camera"] == record.stamp.camera


def same_datum(a: Any, b: Any) -> bool:
    """Equal, where NaN is equal to NaN."""
    return repr(a) == repr(b)


@pytest.mark.parametrize("name", NAMES)
def test_both_encodings_come_back_as_they_were(name: str, registry: SchemaRegistry, prefix: str) -> None:
    ours, single = codec(registry, name, prefix), AvroCodec(BOOK, name)
    for record in records(name):
        registered, plain = ours.encode(record), single.encode(record)

        assert registered.value[0] == 0
        assert plain.value[:2] == b"\xc3\x01"
        assert registered.value[5:] == plain.value[10:]
        assert same(ours.decode(*registered), record)
        assert same(ours.decode(*plain), record)


def test_records_of_confluents_serializer_are_read(
    registry: SchemaRegistry, theirs: SchemaRegistryClient, prefix: str
) -> None:
    definition = BOOK.newest("event").definition
    serialized = AvroSerializer(theirs, json.dumps(definition), conf={"auto.register.schemas": False})
    record = records("event")[0]
    schema = fastavro.parse_schema(json.loads(json.dumps(definition)))
    content = io.BytesIO(AvroCodec(BOOK, "event").encode(record).value[10:])
    datum = fastavro.schemaless_reader(content, schema, None, return_record_name=True)
    assert isinstance(datum, dict)

    written = serialized(datum, SerializationContext(f"{prefix}event", MessageField.VALUE))

    assert written is not None
    assert same(codec(registry, "event", prefix).decode(written), record)


def test_records_of_a_newer_posebus_are_read_by_the_schema_of_the_registry(fake: FakeRegistry) -> None:
    registry = quick(fake)
    newer = grown(BOOK.newest("event"))
    id = registry.publish("event-value", newer)
    record = records("event")[0]
    content = AvroCodec(BOOK, "event").encode(record).value[10:] + b"\0"  # the added field: branch 0, null

    back = codec(quick(fake), "event").decode(b"\0" + id.to_bytes(4, "big") + content)

    assert same(back, record)


def test_a_schema_that_is_not_published_is_said_at_the_start(fake: FakeRegistry) -> None:
    with pytest.raises(ConfigError, match="does not have our schema under poses-value") as refused:
        codec(quick(fake), "poses").prepare()

    assert refused.value.hint == "posebus schemas publish"


def test_a_registry_that_is_away_at_the_start_is_waited_for(fake: FakeRegistry) -> None:
    fake.down = True
    ours = codec(quick(fake), "event")
    with pytest.raises(TransientError, match=r"the schema registry .* answered 503"):
        ours.prepare()
    fake.down = False

    ours.prepare()

    assert same(ours.decode(ours.encode(records("event")[0]).value), records("event")[0])


def test_known_ids_keep_going_while_the_registry_is_away(fake: FakeRegistry) -> None:
    ours = codec(quick(fake), "event")
    ours.prepare()
    fake.down = True
    fake.asked.clear()

    for record in records("event"):
        assert same(ours.decode(ours.encode(record).value), record)
    assert not fake.asked


def test_an_unknown_id_is_no_poison_while_the_registry_is_away(fake: FakeRegistry) -> None:
    """Else good records would end among the dead letters."""
    content = codec(quick(fake), "event").encode(records("event")[0]).value
    late = codec(quick(fake), "event")
    fake.down = True
    with pytest.raises(TransientError, match="schema registry"):
        late.decode(content)
    fake.down = False

    assert same(late.decode(content), records("event")[0])


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"\0\0\0", DecodeError, "3 bytes, expected an id"),
        (b"\0\0\0\0\x63" + bytes(40), SchemaError, "knows no id 99"),
        (b"\0\0\0\0\x01", DecodeError, "the bytes are not what their schema says"),
    ],
)
def test_broken_records_are_invalid(fake: FakeRegistry, content: bytes, kind: type[InvalidRecord], said: str) -> None:
    with pytest.raises(kind, match=said):
        codec(quick(fake), "event").decode(content)


def test_bytes_behind_a_record_are_refused(fake: FakeRegistry) -> None:
    ours = codec(quick(fake), "event")

    with pytest.raises(DecodeError, match="3 bytes behind the record"):
        ours.decode(ours.encode(records("event")[0]).value + b"abc")


def test_records_of_another_schema_are_invalid(fake: FakeRegistry) -> None:
    id = quick(fake).publish("other-value", Schema("o", {"type": "record", "name": "O", "fields": []}))

    with pytest.raises(SchemaError, match=f"with the schema id {id} cannot be read"):
        codec(quick(fake), "event").decode(b"\0" + id.to_bytes(4, "big"))


def test_without_a_registry_its_records_are_told(fake: FakeRegistry) -> None:
    content = codec(quick(fake), "event").encode(records("event")[0]).value

    with pytest.raises(SchemaError, match="none is configured") as refused:
        AvroCodec(BOOK, "event").decode(content)
    assert "schema_registry" in str(refused.value.hint)
