from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.codec.compatibility import problems
from pipeline.codec.records import AvroCodec
from pipeline.codec.schemas import Schema, SchemaBook, schemas_folder
from pipeline.core.errors import ConfigError
from tests.samples import values

BOOK = SchemaBook()
GOLDEN = Path(__file__).parents[2] / "golden" / "records"


def test_fingerprint_is_the_one_of_the_specification() -> None:
    # Avro specification, "Schema Fingerprints": CRC-64-AVRO of "int" is 0x7275d51a3f395c8f.
    assert Schema("x", "int").fingerprint == bytes.fromhex("7275d51a3f395c8f")[::-1]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", BOOK.names())
def test_newest_version_is_kept_in_the_history(name: str) -> None:
    newest = BOOK.newest(name)
    path = schemas_folder() / "history" / name / f"{newest.fingerprint.hex()}.avsc"

    assert path.is_file(), f"{name} changed: run `make schemas` to keep this version"
    assert json.loads(path.read_text()) == newest.definition, f"attributes of {name} changed under one fingerprint"


@pytest.mark.parametrize("name", BOOK.names())
def test_every_version_reads_every_other(name: str) -> None:
    versions = list(BOOK.versions(name).values())
    for writer in versions:
        for reader in versions:
            assert problems(writer.definition, reader.definition) == []


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/*.bin")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_bytes_of_every_version_are_read(path: Path) -> None:
    codec = AvroCodec(BOOK, path.parent.name)

    decoded = codec.decode(path.read_bytes())

    assert type(decoded.value).__name__ == path.stem.split("-")[1]


def test_every_record_schema_has_golden_bytes_of_its_newest_version() -> None:
    for name, samples in values().items():
        mark = BOOK.newest(name).fingerprint.hex()
        assert len(list((GOLDEN / name).glob(f"{mark}-*.bin"))) == len(samples), f"{name}: run `make schemas`"


def test_an_edited_old_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "types").mkdir()
    (tmp_path / "thing.avsc").write_text('{"type": "record", "name": "T", "fields": []}')
    (tmp_path / "history" / "thing").mkdir(parents=True)
    (tmp_path / "history" / "thing" / ("ab" * 8 + ".avsc")).write_text('{"type": "record", "name": "T", "fields": []}')

    with pytest.raises(ConfigError, match="has the fingerprint"):
        SchemaBook(tmp_path).versions("thing")


def changed(name: str, path: list[Any], value: Any) -> tuple[Any, Any]:
    old = json.loads(json.dumps(BOOK.newest(name).definition))
    new = copy.deepcopy(old)
    node = new
    for step in path[:-1]:
        node = node[step]
    if value is None:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return old, new


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda: changed("event", ["fields", 1, "type", 0, "fields", 1], {"name": "added", "type": "int"}), "added"),
        (lambda: changed("event", ["fields", 1, "type", 0, "fields", 4, "type"], "string"), "long cannot be read"),
        (lambda: changed("poses", ["fields", 1, "type", 0, "fields", 6, "type", "dtype"], "float16"), "dtype"),
        (lambda: changed("poses", ["fields", 1, "type", 0, "fields", 6, "type", "shape"], ["n_people", 5]), "shape"),
        (lambda: changed("poses", ["fields", 1, "type", 1], None), "no branch"),
        (lambda: changed("poses", ["fields", 0, "type", "fields", 8, "type", "symbols"], ["file"]), "symbols"),
    ],
)
def test_a_change_that_some_reader_cannot_take_is_named(change: Any, complaint: str) -> None:
    old, new = change()

    assert any(complaint in sentence for sentence in problems(old, new))


def test_a_field_added_with_a_default_is_compatible_both_ways() -> None:
    old = json.loads(json.dumps(BOOK.newest("event").definition))
    new = copy.deepcopy(old)
    new["fields"].append({"name": "later", "type": ["null", "string"], "default": None})

    assert problems(old, new) == []
    assert problems(new, old) == []
