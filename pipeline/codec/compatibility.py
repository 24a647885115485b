"""Tells whether records written with one schema can be read with another, and what stands against it.

Avro's schema resolution (specification 1.11, "Schema Resolution"), made stricter by our own attributes: the dtype and
shape of a packed array must never change, for no reader could tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_PROMOTIONS = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}

Named = dict[str, Mapping[str, Any]]


def problems(writer: Mapping[str, Any], reader: Mapping[str, Any]) -> list[str]:
    """Why `reader` cannot read what `writer` wrote, one sentence each; empty if it can. Both are expanded schemas."""
    return list(_between(writer, reader, _named(writer), _named(reader), str(reader.get("name", ""))))


def _between(writer: Any, reader: Any, writer_names: Named, reader_names: Named, path: str) -> Iterator[str]:
    writer, reader = writer_names.get(_name(writer), writer), reader_names.get(_name(reader), reader)
    if isinstance(writer, list):
        for branch in writer:
            yield from _between(branch, reader, writer_names, reader_names, path)
        return
    if isinstance(reader, list):
        branches = [reader_names.get(_name(branch), branch) for branch in reader]
        twin = [b for b in branches if _short_name(b) is not None and _short_name(b) == _short_name(writer)]
        failures = [list(_between(writer, branch, writer_names, reader_names, path)) for branch in twin or branches]
        if twin:
            yield from failures[0]
            return
        if all(failures):
            yield f"{path}: no branch of the reader's union takes {_kind(writer)}"
        return
    kinds = _kind(writer), _kind(reader)
    if kinds[0] != kinds[1]:
        if kinds[1] not in _PROMOTIONS.get(kinds[0], set()):
            yield f"{path}: {kinds[0]} cannot be read as {kinds[1]}"
        return
    if kinds[0] == "record":
        yield from _between_records(writer, reader, writer_names, reader_names, path)
    elif kinds[0] == "enum":
        gone = set(writer["symbols"]) - set(reader["symbols"])
        if gone and "default" not in reader:
            yield f"{path}: the reader does not know the symbols {sorted(gone)}"
    elif kinds[0] in ("array", "map"):
        inner = "items" if kinds[0] == "array" else "values"
        yield from _between(writer[inner], reader[inner], writer_names, reader_names, f"{path}.{inner}")
    elif isinstance(writer, dict) or isinstance(reader, dict):
        for attribute in ("dtype", "shape", "logicalType"):
            old, new = (side.get(attribute) if isinstance(side, dict) else None for side in (writer, reader))
            if old != new:
                yield f"{path}: {attribute} is {old} for the writer and {new} for the reader"


def _between_records(
    writer: Mapping[str, Any], reader: Mapping[str, Any], writer_names: Named, reader_names: Named, path: str
) -> Iterator[str]:
    if writer["name"].rsplit(".", 1)[-1] != reader["name"].rsplit(".", 1)[-1]:
        yield f"{path}: the record {writer['name']} cannot be read as {reader['name']}"
        return
    written = {field["name"]: field for field in writer["fields"]}
    for field in reader["fields"]:
        name = field["name"]
        if name in written:
            yield from _between(written[name]["type"], field["type"], writer_names, reader_names, f"{path}.{name}")
        elif "default" not in field:
            yield f"{path}.{name}: the writer has no such field and the reader has no default for it"


def _name(node: Any) -> str:
    return node.rsplit(".", 1)[-1] if isinstance(node, str) else ""


def _short_name(node: Any) -> str | None:
    return node["name"].rsplit(".", 1)[-1] if isinstance(node, dict) and "name" in node else None


def _kind(node: Any) -> str:
    return node if isinstance(node, str) else str(node["type"])


def _named(node: Any) -> Named:
    found: Named = {}
    if isinstance(node, list):
        for branch in node:
            found |= _named(branch)
    elif isinstance(node, dict):
        if "name" in node and node.get("type") in ("record", "enum"):
            found[node["name"].rsplit(".", 1)[-1]] = node
        for field in node.get("fields", ()):
            found |= _named(field["type"])
        for key in ("items", "values"):
            if key in node:
                found |= _named(node[key])
    return found
