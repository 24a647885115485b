"""Writes the two functions that take a value of one dataclass apart for Avro and put it together again.

Their source is written from the plan of the record and compiled once, as `dataclasses` does it: going through the plan
for each value would take three times as long, and every record of every stage goes through here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class PackedArray:
    """A field that is an array.

    Attributes:
        shape: Sizes, as numbers or by name.
    """

    dtype: np.dtype[Any]
    shape: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """How one dataclass lies in an Avro record. All names are those of fields.

    Attributes:
        cls: The dataclass.
        names: Its fields, in the order of its constructor.
        sizes: Fields that only the Avro record has: sizes of the arrays.
        arrays: The fields that are arrays.
        converted: Functions to and from Avro of the fields that do not stay as they are.
    """

    cls: type
    names: Sequence[str]
    sizes: Sequence[str]
    arrays: Mapping[str, PackedArray]
    converted: Mapping[str, tuple[Convert, Convert]]


def to_datum_of(plan: Plan) -> Convert:
    """The function from a value to a dict for fastavro. It raises TypeError for an array that does not fit.

    A size is that of the first array which has it. For `Tracks` it reads

        def convert(value):
            track_id_ = value.track_id
            shape = track_id_.shape
            if track_id_.dtype != track_id_dtype or len(shape) != 1: misfit("track_id", track_id_)
            n_people_ = shape[0]
            return {"poses": poses_to(value.poses), "track_id": track_id_.tobytes(), "n_people": n_people_}
    """
    lines: list[str] = []
    entries: list[str] = []
    known: set[str] = set()
    for name in plan.names:
        if name in plan.arrays:
            lines += _checks(name, plan.arrays[name], known)
            entries.append(f"{name!r}: {name}_.tobytes()")
        elif name in plan.converted:
            entries.append(f"{name!r}: {name}_to(value.{name})")
        else:
            entries.append(f"{name!r}: value.{name}")
    entries += [f"{size!r}: {size}_" for size in plan.sizes]
    return _compiled("value", [*lines, f"return {{{', '.join(entries)}}}"], plan)


def from_datum_of(plan: Plan, *, writeable: bool) -> Convert:
    """The function from what fastavro gives to a value; arrays look into the bytes, or are copies if `writeable`.

    It raises TypeError or ValueError for bytes that are not those of their array. For `Tracks` it reads

        def convert(datum):
            n_people_ = datum["n_people"]
            track_id_ = ndarray((n_people_, ), track_id_dtype, datum["track_id"])
            if track_id_.nbytes != len(datum["track_id"]): surplus("track_id", track_id_, datum)
            return cls(poses_from(datum["poses"]), track_id_)
    """
    lines = [f"{size}_ = datum[{size!r}]" for size in plan.sizes]
    arguments: list[str] = []
    for name in plan.names:
        if name in plan.arrays:
            shape = "".join(f"{_named(size)}, " for size in plan.arrays[name].shape)
            lines.append(f"{name}_ = ndarray(({shape}), {name}_dtype, datum[{name!r}])")
            lines.append(f"if {name}_.nbytes != len(datum[{name!r}]): surplus({name!r}, {name}_, datum)")
            arguments.append(f"{name}_.copy()" if writeable else f"{name}_")
        elif name in plan.converted:
            arguments.append(f"{name}_from(datum[{name!r}])")
        else:
            arguments.append(f"datum[{name!r}]")
    return _compiled("datum", [*lines, f"return cls({', '.join(arguments)})"], plan)


def _checks(name: str, array: PackedArray, known: set[str]) -> list[str]:
    """Lines that read the array and check it, and take the sizes that are not `known` yet from it."""
    wrong = [f"{name}_.dtype != {name}_dtype", f"len(shape) != {len(array.shape)}"]
    taken = []
    for axis, size in enumerate(array.shape):
        if isinstance(size, int) or size in known:
            wrong.append(f"shape[{axis}] != {_named(size)}")
        else:
            taken.append(f"{size}_ = shape[{axis}]")
            known.add(size)
    refused = f"if {' or '.join(wrong)}: misfit({name!r}, {name}_)"
    return [f"{name}_ = value.{name}", f"shape = {name}_.shape", refused, *taken]


def _named(size: int | str) -> str:
    # Fields have a trailing underscore among the variables, so that none is in the way of another name.
    return f"{size}_" if isinstance(size, str) else str(size)


def _compiled(argument: str, lines: list[str], plan: Plan) -> Convert:
    """The function of one argument with these lines."""

    def misfit(name: str, array: Any) -> None:
        dtype, shape = plan.arrays[name].dtype, plan.arrays[name].shape
        raise TypeError(f"{plan.cls.__name__}.{name}: {array.dtype} {array.shape}, expected {dtype} {shape}")

    def surplus(name: str, array: Any, datum: Mapping[str, Any]) -> None:
        found = len(datum[name])
        raise ValueError(f"{plan.cls.__name__}.{name}: {found} bytes, expected {array.nbytes} for {array.shape}")

    scope: dict[str, Any] = {"cls": plan.cls, "ndarray": np.ndarray, "misfit": misfit, "surplus": surplus}
    scope |= {f"{name}_dtype": array.dtype for name, array in plan.arrays.items()}
    scope |= {f"{name}_to": to_datum for name, (to_datum, _) in plan.converted.items()}
    scope |= {f"{name}_from": from_datum for name, (_, from_datum) in plan.converted.items()}
    # What is compiled comes from the schemas and classes of this package, never from a record.
    exec("\n    ".join([f"def convert({argument}):", *lines]), scope)
    function: Convert = scope["convert"]
    return function
