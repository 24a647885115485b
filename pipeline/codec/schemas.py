"""The Avro schemas: loading, expanding, fingerprints, and every version that ever ran."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

from pipeline.core.errors import ConfigError, SchemaError


def schemas_folder() -> Path:
    """Where the .avsc files lie: inside the installed package, else beside it in the checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "_schemas", package.parent / "schemas"):
        if folder.is_dir():
            return folder
    raise ConfigError(f"no schemas beside {package}", hint="install posebus again: the package is not whole")


@dataclass(frozen=True)
class Schema:
    """One version of one schema, expanded: every named type is defined where it is first used.

    Attributes:
        name: Of the file it comes from, such as `motions` or `state/track`.
        definition: The JSON of it, with our own attributes (dtype, shape, doc).
    """

    name: str
    definition: Mapping[str, Any]

    @cached_property
    def parsed(self) -> Any:
        """As fastavro wants it."""
        return _with_bytes(parse_schema(json.loads(json.dumps(self.definition))))

    @cached_property
    def fingerprint(self) -> bytes:
        """CRC-64-AVRO of the parsing canonical form, 8 bytes, little-endian as in the single-object encoding."""
        canonical = to_parsing_canonical_form(json.loads(json.dumps(self.definition)))
        return bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))


class SchemaBook:
    """All schemas of a folder: the newest of each name, and the older ones by fingerprint."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or schemas_folder()
        self._types = {
            f"{definition['namespace']}.{definition['name']}": definition
            for definition in (json.loads(path.read_text()) for path in sorted((self._folder / "types").glob("*.avsc")))
        }
        self._newest: dict[str, Schema] = {}
        self._history: dict[str, dict[bytes, Schema]] = {}

    def names(self) -> list[str]:
        """Names of all schemas, records before states."""
        return [path.stem for path in sorted(self._folder.glob("*.avsc"))] + [
            f"state/{path.stem}" for path in sorted((self._folder / "state").glob("*.avsc"))
        ]

    def newest(self, name: str) -> Schema:
        """The version that this build writes. Raises SchemaError for an unknown name."""
        if name not in self._newest:
            path = self._folder / f"{name}.avsc"
            if not path.is_file():
                raise SchemaError(f"no schema named {name}", hint=f"add schemas/{name}.avsc")
            self._newest[name] = Schema(name, _expanded(json.loads(path.read_text()), self._types, set()))
        return self._newest[name]

    def versions(self, name: str) -> Mapping[bytes, Schema]:
        """Every version of this schema that ever ran, and the newest, by fingerprint."""
        if name not in self._history:
            newest = self.newest(name)
            known = {schema.fingerprint: schema for schema in self._stored(name)}
            self._history[name] = {**known, newest.fingerprint: newest}
        return self._history[name]

    def writer(self, name: str, mark: bytes) -> Schema:
        """The version with this fingerprint. Raises SchemaError if it never ran."""
        schema = self.versions(name).get(mark)
        if schema is None:
            raise SchemaError(
                f"{name}: no schema with the fingerprint {mark.hex()}",
                hint=f"it was written by another version: add its schema to schemas/history/{name}/{mark.hex()}.avsc",
            )
        return schema

    def _stored(self, name: str) -> Iterator[Schema]:
        for path in sorted((self._folder / "history" / name).glob("*.avsc")):
            schema = Schema(name, json.loads(path.read_text()))
            if schema.fingerprint.hex() != path.stem:
                raise ConfigError(
                    f"{path.name} in schemas/history/{name} has the fingerprint {schema.fingerprint.hex()}",
                    hint="a version that ran is never edited: restore the file",
                )
            yield schema


def _expanded(node: Any, types: Mapping[str, Any], defined: set[str]) -> Any:
    """`node` with each reference to a shared type replaced, at its first use, by the type's definition."""
    if isinstance(node, str):
        if node in types and node not in defined:
            return _expanded(types[node], types, defined)
        return node
    if isinstance(node, list):
        return [_expanded(branch, types, defined) for branch in node]
    if "name" in node and node.get("type") in ("record", "enum", "fixed"):
        defined.add(f"{node.get('namespace', 'posebus')}.{node['name']}")
    result = dict(node)
    for key in ("type", "items", "values"):
        if key in node and node[key] not in ("record", "enum", "fixed", "array", "map"):
            result[key] = _expanded(node[key], types, defined)
    if node.get("type") == "record":
        result["fields"] = [{**field, "type": _expanded(field["type"], types, defined)} for field in node["fields"]]
    return result


def _with_bytes(node: Any) -> Any:
    """The parsed schema with defaults of bytes as bytes: JSON has text there, and fastavro gives out what it finds."""
    if isinstance(node, list):
        return [_with_bytes(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    changed = {key: _with_bytes(value) for key, value in node.items()}
    kind = node.get("type")
    if isinstance(kind, dict):
        kind = kind["type"]
    if isinstance(node.get("default"), str) and kind == "bytes":
        changed["default"] = node["default"].encode("latin-1")
    return changed
