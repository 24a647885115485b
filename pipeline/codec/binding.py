"""Binds a dataclass to an Avro record by the names of its fields; arrays travel packed, little-endian.

A field of type {"type": "bytes", "dtype": ..., "shape": [...]} is an array. A name in `shape` is an int field of the
same record that the binding fills in; the dataclass does not have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_origin, get_type_hints

import numpy as np

from pipeline.codec.functions import Convert, PackedArray, Plan, from_datum_of, to_datum_of
from pipeline.core.errors import DecodeError


class Binding:
    """Turns values of one dataclass into what fastavro writes, and back.

    Args:
        definition: Expanded Avro record.
        classes: Dataclass of each Avro record by its name without namespace.
        writeable: Decoded arrays may be changed (a copy), as states are; else they look into the bytes.
    """

    def __init__(self, definition: Mapping[str, Any], classes: Mapping[str, type], *, writeable: bool = False) -> None:
        self._classes = classes
        self._writeable = writeable
        self._records: dict[str, _RecordBinding] = {}
        self._root = self._record(definition)

    def to_datum(self, value: object) -> dict[str, Any]:
        """The value as fastavro takes it."""
        datum: dict[str, Any] = self._root.to_datum(value)
        return datum

    def from_datum(self, datum: dict[str, Any]) -> Any:
        """The value out of what fastavro gives. Raises DecodeError."""
        try:
            return self._root.from_datum(datum)
        except (ValueError, TypeError, KeyError) as error:
            raise DecodeError(f"a record does not fit its class: {error}") from error

    def _record(self, definition: Mapping[str, Any]) -> _RecordBinding:
        name = definition["name"].rsplit(".", 1)[-1]
        if name not in self._records:
            self._records[name] = _RecordBinding(self._classes[name], definition, self)
        return self._records[name]

    def converters(self, kind: Any, *, as_tuple: bool = False) -> tuple[Convert | None, Convert | None]:
        """Functions to and from Avro for a field type; None where the value stays as it is."""
        if isinstance(kind, str):
            record = self._records.get(kind.rsplit(".", 1)[-1])
            return (record.to_datum, record.from_datum) if record else (None, None)
        if isinstance(kind, list):
            return self._union(kind)
        if kind["type"] == "record":
            record = self._record(kind)
            return record.to_datum, record.from_datum
        if kind["type"] == "array":
            return _sequence(*self.converters(kind["items"]), tuple if as_tuple else list)
        if kind["type"] == "map":
            return _mapping(*self.converters(kind["values"]))
        return None, None

    def _union(self, branches: list[Any]) -> tuple[Convert | None, Convert | None]:
        by_class: dict[type, tuple[str, Convert]] = {}
        by_name: dict[str, Convert] = {}
        for branch in branches:
            to_datum, from_datum = self.converters(branch)
            if to_datum is None or from_datum is None:
                continue
            short = (branch if isinstance(branch, str) else branch["name"]).rsplit(".", 1)[-1]
            by_class[self._classes[short]] = (f"posebus.{short}", to_datum)
            by_name[f"posebus.{short}"] = from_datum
        if not by_class:
            return None, None

        def to_union(value: Any) -> Any:
            if value is None:
                return None
            name, convert = by_class[type(value)]
            return name, convert(value)

        def from_union(datum: Any) -> Any:
            if datum is None:
                return None
            name, content = datum
            return by_name[name](content)

        return to_union, from_union

    @property
    def writeable(self) -> bool:
        """Whether decoded arrays may be changed."""
        return self._writeable


class _RecordBinding:
    """The two functions of one record."""

    def __init__(self, cls: type, definition: Mapping[str, Any], binding: Binding) -> None:
        hints = get_type_hints(cls)
        fields = {field["name"]: field["type"] for field in definition["fields"]}
        arrays = {
            name: PackedArray(np.dtype(np.dtype(kind["dtype"]).newbyteorder("<").str), tuple(kind["shape"]))
            for name, kind in fields.items()
            if _is_array(kind)
        }
        sizes = dict.fromkeys(size for array in arrays.values() for size in array.shape if isinstance(size, str))
        unknown = [name for name in fields if name not in hints and name not in sizes]
        if unknown:
            raise TypeError(f"{cls.__name__} has no field {unknown[0]}, its schema has")
        missing = set(hints) - set(fields)
        if missing:
            raise TypeError(f"{cls.__name__} has the fields {sorted(missing)}, its schema has not")
        converted = {}
        for name, kind in fields.items():
            if name in sizes or name in arrays:
                continue
            to_datum, from_datum = binding.converters(kind, as_tuple=get_origin(hints[name]) is tuple)
            if to_datum is not None and from_datum is not None:
                converted[name] = to_datum, from_datum
        plan = Plan(cls, tuple(hints), tuple(sizes), arrays, converted)
        self.to_datum = to_datum_of(plan)
        self.from_datum = from_datum_of(plan, writeable=binding.writeable)


def _is_array(kind: Any) -> bool:
    return isinstance(kind, dict) and "shape" in kind


def _sequence(
    to_datum: Convert | None, from_datum: Convert | None, collect: Callable[[Any], Any]
) -> tuple[Convert, Convert]:
    if to_datum is None or from_datum is None:
        return list, collect
    convert_to, convert_from = to_datum, from_datum
    return (
        lambda values: [convert_to(value) for value in values],
        lambda data: collect(convert_from(datum) for datum in data),
    )


def _mapping(to_datum: Convert | None, from_datum: Convert | None) -> tuple[Convert, Convert]:
    if to_datum is None or from_datum is None:
        return dict, dict
    convert_to, convert_from = to_datum, from_datum
    return (
        lambda values: {key: convert_to(value) for key, value in values.items()},
        lambda data: {key: convert_from(datum) for key, datum in data.items()},
    )
