"""`posebus schemas`: our schemas in a registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.schemas import Schema, SchemaBook
from pipeline.topics import TOPICS
from tests.e2e.conftest import Program
from tests.e2e.terminal import SECRET
from tests.registry.fake import FakeRegistry, served
from tests.registry.test_registry import grown


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with served(FakeRegistry()) as made:
        yield made


@pytest.fixture
def config(registry: FakeRegistry, tmp_path: Path) -> str:
    file = tmp_path / "site.yaml"
    file.write_text(f"kafka: {{servers: 'b:1', prefix: site.}}\nschema_registry: {registry.url}\n")
    return str(file)


def test_what_is_published_is_found_right(program: Program, config: str, registry: FakeRegistry) -> None:
    before = program("schemas", "check", "--config", config)
    told = program("schemas", "publish", "--config", config).done().out
    again = program("schemas", "publish", "--config", config).done().out
    after = program("schemas", "check", "--config", config).done()

    assert before.code == 1
    assert before.out.count("is not published") == len(TOPICS)
    assert told == again
    assert "motions: id " in told
    assert after.out.count("right") == len(TOPICS)
    assert SchemaRegistry(registry.url).subjects() == sorted(f"site.{topic}-value" for topic in TOPICS)


def test_ls_shows_versions_and_ids(program: Program, config: str, registry: FakeRegistry) -> None:
    program("schemas", "publish", "--config", config).done()
    newer = grown(SchemaBook().newest("event"))
    SchemaRegistry(registry.url).publish("site.events-value", newer)

    rows = json.loads(program("schemas", "ls", "--format", "json", "--config", config).done().out)

    events = next(row for row in rows if row["topic"] == "events")
    assert (events["versions"], events["newest"], events["our version"]) == (2, 2, 1)
    assert events["compatibility"] == "FULL_TRANSITIVE"
    assert len(rows) == len(TOPICS)
    assert "site.motions-value" in program("schemas", "ls", "--config", config).done().out


def test_check_names_what_somebody_else_changed(program: Program, config: str, registry: FakeRegistry) -> None:
    program("schemas", "publish", "--config", config).done()
    other = SchemaRegistry(registry.url)
    other._ask("PUT", "/config/site.events-value", {"compatibility": "NONE"})
    foreign = Schema("o", {"type": "record", "name": "Event", "fields": [{"name": "x", "type": "int"}]})
    other._ask("POST", "/subjects/site.events-value/versions", {"schema": json.dumps(foreign.definition)})

    done = program("schemas", "check", "--format", "json", "--config", config)

    assert done.code == 1
    found = {row["topic"]: row["complaints"] for row in json.loads(done.out)}
    assert found["events"][0] == "compatibility is NONE, expected FULL_TRANSITIVE"
    assert any(complaint.startswith("version 2: ") for complaint in found["events"])
    assert all(not complaints for topic, complaints in found.items() if topic != "events")


def test_without_a_registry_it_says_where_to_name_one(program: Program) -> None:
    for words in ("publish", "check", "ls"):
        program("schemas", words).refused(2, "no schema registry is configured", "POSEBUS_SCHEMA_REGISTRY_URL")


def test_a_registry_that_is_away_is_named(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "away.yaml"
    file.write_text("schema_registry: http://127.0.0.1:1\n")

    program("schemas", "ls", "--config", str(file)).refused(
        1, "the schema registry http://127.0.0.1:1 does not answer", "look at `schema_registry`"
    )


def test_a_wrong_password_is_said_and_not_shown(program: Program, tmp_path: Path) -> None:
    with served(FakeRegistry(login=("ann", "another"))) as registry:
        file = tmp_path / "site.yaml"
        file.write_text(f"schema_registry: {{url: '{registry.url}', username: ann, password: {SECRET}}}\n")

        program("schemas", "ls", "--config", str(file)).refused(2, "refuses us: 401", "`username` and `password`")
