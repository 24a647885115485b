"""The client of a schema registry, on a fake one and on a real one; what both say is the same."""

from __future__ import annotations

import copy
import json
import socket
from typing import Any

import pytest

from pipeline.codec.registry import COMPATIBILITY, SchemaRegistry
from pipeline.codec.schemas import Schema, SchemaBook
from pipeline.core.errors import ConfigError, TransientError
from tests.registry.fake import FakeRegistry, served

BOOK = SchemaBook()
EVENT = BOOK.newest("event")
SECRET = "hunter2-xyzzy"


def grown(schema: Schema) -> Schema:
    """The same with a field more that has a default."""
    definition = json.loads(json.dumps(schema.definition))
    definition["fields"].append({"name": "later", "type": ["null", "string"], "default": None})
    return Schema(schema.name, definition)


def broken(schema: Schema) -> Schema:
    """The same with a field more that has no default."""
    definition = json.loads(json.dumps(schema.definition))
    definition["fields"].append({"name": "later", "type": "string"})
    return Schema(schema.name, definition)


def test_what_is_published_is_found_by_subject_and_by_id(registry_url: str, prefix: str) -> None:
    subject = f"{prefix}events-value"
    id = SchemaRegistry(registry_url).publish(subject, EVENT)

    other = SchemaRegistry(registry_url)

    assert other.id_of(subject, EVENT) == id
    assert Schema("event", other.definition(id)).fingerprint == EVENT.fingerprint
    assert subject in other.subjects()
    assert [(each.number, each.id) for each in other.versions(subject)] == [(1, id)]
    assert other.compatibility(subject) == COMPATIBILITY


def test_publishing_again_changes_nothing(registry_url: str, prefix: str) -> None:
    registry = SchemaRegistry(registry_url)
    ids = {registry.publish(f"{prefix}events-value", EVENT) for _ in range(2)}

    assert len(ids) == 1
    assert len(registry.versions(f"{prefix}events-value")) == 1


def test_our_attributes_come_back(registry_url: str, prefix: str) -> None:
    poses = BOOK.newest("poses")
    id = SchemaRegistry(registry_url).publish(f"{prefix}poses-value", poses)

    definition = SchemaRegistry(registry_url).definition(id)

    assert '"dtype": "float32"' in json.dumps(definition)
    assert '"shape"' in json.dumps(definition)


def test_what_is_not_there_is_none(registry_url: str, prefix: str) -> None:
    registry = SchemaRegistry(registry_url)

    assert registry.id_of(f"{prefix}none-value", EVENT) is None
    assert registry.definition(2_000_000_000) is None
    assert registry.versions(f"{prefix}none-value") == []
    assert registry.id_of(f"{prefix}none-value", EVENT) is None


def test_another_schema_of_a_known_subject_is_not_there(registry_url: str, prefix: str) -> None:
    registry = SchemaRegistry(registry_url)
    registry.publish(f"{prefix}events-value", EVENT)

    assert registry.id_of(f"{prefix}events-value", grown(EVENT)) is None


def test_a_field_with_a_default_is_a_new_version(registry_url: str, prefix: str) -> None:
    registry = SchemaRegistry(registry_url)
    ids = [registry.publish(f"{prefix}events-value", schema) for schema in (EVENT, grown(EVENT))]

    assert [each.id for each in registry.versions(f"{prefix}events-value")] == ids
    assert ids[0] != ids[1]


def test_a_schema_that_some_reader_could_not_read_is_refused(registry_url: str, prefix: str) -> None:
    registry = SchemaRegistry(registry_url)
    registry.publish(f"{prefix}events-value", EVENT)

    with pytest.raises(ConfigError, match="refuses"):
        registry.publish(f"{prefix}events-value", broken(EVENT))
    assert len(registry.versions(f"{prefix}events-value")) == 1


def test_what_is_no_schema_is_refused(registry_url: str, prefix: str) -> None:
    definition: dict[str, Any] = copy.deepcopy(dict(EVENT.definition)) | {"fields": [{"name": "x", "type": "nonsense"}]}
    schema = Schema("event", definition)
    schema.__dict__["fingerprint"] = bytes(8)  # it has none

    with pytest.raises(ConfigError, match="refuses"):
        SchemaRegistry(registry_url).publish(f"{prefix}events-value", schema)


def test_an_id_is_asked_for_once(fake_registry: FakeRegistry) -> None:
    SchemaRegistry(fake_registry.url).publish("events-value", EVENT)
    registry = SchemaRegistry(fake_registry.url)
    fake_registry.asked.clear()

    for _ in range(5):
        assert registry.id_of("events-value", EVENT) == 1
        assert registry.definition(1) is not None

    assert len(fake_registry.asked) == 1


def test_a_registry_that_comes_back_in_time_is_not_missed() -> None:
    with served(FakeRegistry()) as fake:
        fake.down = True
        registry = SchemaRegistry(fake.url, attempts=50, first_wait_s=0.001)
        answer, fake.answer = fake.answer, None  # type: ignore[method-assign, assignment]
        calls = []

        def late(*question: Any) -> Any:
            calls.append(question)
            fake.down = len(calls) < 3
            return answer(*question)

        fake.answer = late  # type: ignore[method-assign]

        assert registry.subjects() == []
        assert len(calls) == 3


@pytest.mark.parametrize("how", ["nobody listens", "503"])
def test_a_registry_that_is_away_is_named_and_waited_for(how: str) -> None:
    with served(FakeRegistry()) as fake:
        fake.down = True
        url = fake.url
        if how == "503":
            with pytest.raises(TransientError, match=f"{url} answered 503"):
                SchemaRegistry(url, attempts=2, first_wait_s=0.001).subjects()
    if how == "nobody listens":
        with pytest.raises(TransientError, match=f"{url} does not answer: ConnectError"):
            SchemaRegistry(url, attempts=2, first_wait_s=0.001).subjects()


def test_name_and_password_open_it_and_are_never_told() -> None:
    with served(FakeRegistry(login=("ann", SECRET))) as fake:
        SchemaRegistry(fake.url, "ann", SECRET).publish("events-value", EVENT)

        for login in ((None, None), ("ann", "wrong"), ("bob", SECRET)):
            with pytest.raises(ConfigError, match="refuses us: 401") as refused:
                SchemaRegistry(fake.url, *login).subjects()
            assert SECRET not in str(refused.value) + repr(SchemaRegistry(fake.url, "ann", SECRET))


def test_something_else_at_the_address_is_told() -> None:
    with served(FakeRegistry()) as fake, pytest.raises(ConfigError, match="no answer of a schema registry"):
        SchemaRegistry(f"{fake.url}/elsewhere").subjects()


def test_a_port_that_speaks_no_http_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        url = f"http://127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(TransientError, match="does not answer: ReadTimeout"):
            SchemaRegistry(url, attempts=1, timeout_s=0.1).subjects()
