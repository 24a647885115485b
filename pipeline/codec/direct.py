"""Values of one schema to Avro's binary encoding and back in one go, with no dictionaries in between.

The source of the functions is written from the schema and compiled once, as in `functions`. They know only the newest
version and what is right: whatever else they meet they raise one of `BROKEN`, and the general way says what is wrong.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, get_origin, get_type_hints
from uuid import UUID

import numpy as np

BROKEN = (
    EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, struct.error, AttributeError,
)  # fmt: skip
"""What bytes or values that do not fit their schema make the reading and writing raise."""

Write = Callable[[Any], bytes]
Read = Callable[[bytes, int], tuple[Any, int]]


def direct(definition: Mapping[str, Any], classes: Mapping[str, type]) -> tuple[Write, Read]:
    """The two functions of an expanded record: its value as bytes; the value that begins at a place, and where it ends.

    Args:
        definition: Expanded Avro record.
        classes: Dataclass of each Avro record by its name without namespace.

    For `Tracks` they read

        def write_Tracks(value, out):
            write_Poses(value.poses, out)
            track_id_ = value.track_id
            shape = track_id_.shape
            if track_id_.dtype != Tracks_track_id or len(shape) != 1: raise TypeError
            n_people_ = shape[0]
            out += (long(n_people_), long(track_id_.nbytes), track_id_.tobytes())

        def read_Tracks(data, at):
            poses_, at = read_Poses(data, at)
            ...  # a varint, as `_read_long` has it
            track_id_ = ndarray((n_people_, ), Tracks_track_id, data[at:end])
            return Tracks(poses_, track_id_), at
    """
    source = _Source(classes)
    name = source.record(definition)
    exec("\n".join(source.lines), source.scope)
    fill, read = source.scope[f"write_{name}"], source.scope[f"read_{name}"]

    def write(value: Any) -> bytes:
        out: list[bytes] = []
        fill(value, out)
        return b"".join(out)

    return write, read


class _Source:
    """The functions of a record and of all those in it, in the making."""

    def __init__(self, classes: Mapping[str, type]) -> None:
        self._classes = classes
        self._done: set[str] = set()
        self._number = 0
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {
            "long": _long, "text": _text, "double": struct.Struct("<d").pack, "of_uuid": _of_uuid, "bare": _bare,
            "more": _more, "from_double": struct.Struct("<d").unpack_from, "UUID": UUID, "ndarray": np.ndarray,
        }  # fmt: skip

    def record(self, definition: Mapping[str, Any]) -> str:
        """Write the functions of a record; gives its name."""
        name = _short(definition["name"])
        if name in self._done:
            return name
        self._done.add(name)
        cls = self._classes[name]
        self.scope[name] = cls
        hints = get_type_hints(cls)
        fields = {field["name"]: field["type"] for field in definition["fields"]}
        arrays = {field: kind for field, kind in fields.items() if isinstance(kind, dict) and "shape" in kind}
        write, read, made, sized = self._checks(name, arrays), [], [], set[str]()
        for field, kind in fields.items():
            if field in arrays:
                write += self._out(f"long({field}_.nbytes)", f"{field}_.tobytes()")
                read += [*_read_size(), f"{field}_bytes, at = data[at:at + size], at + size"]
                shape = "".join(f"{size}_, " if isinstance(size, str) else f"{size}, " for size in kind["shape"])
                made += [
                    f"{field}_ = ndarray(({shape}), {name}_{field}, {field}_bytes)",
                    f"if {field}_.nbytes != len({field}_bytes): raise ValueError",
                ]
            elif field in hints:
                write += self._write(kind, f"value.{field}")
                read += self._read(kind, f"{field}_", as_tuple=get_origin(hints[field]) is tuple)
            else:
                sized.add(field)
                write += self._out(f"long({field}_)")
                read += _read_long(f"{field}_")
        self._define(f"write_{name}(value, out)", _joined(write))
        arguments = ", ".join(f"{field}_" for field in hints)
        body = [*read, *made, f"value = {name}({arguments})"]
        if name == "Stamp":
            self.scope["known"] = _known(cls, json.dumps(definition))
            body = ["size = known.size", "value = known.get(data[at:at + size])",
                    "if value is not None: return value, at + size", "start = at",
                    *body, "known.add(data[start:at], value)"]  # fmt: skip
        self._define(f"read_{name}(data, at)", [*body, "return value, at"])
        return name

    def _checks(self, name: str, arrays: Mapping[str, Any]) -> list[str]:
        """Lines that read the arrays and check them, and take the sizes from them."""
        lines: list[str] = []
        known: set[str] = set()
        for field, kind in arrays.items():
            self.scope[f"{name}_{field}"] = np.dtype(np.dtype(kind["dtype"]).newbyteorder("<").str)
            wrong, taken = [f"{field}_.dtype != {name}_{field}", f"len(shape) != {len(kind['shape'])}"], []
            for axis, size in enumerate(kind["shape"]):
                if isinstance(size, str) and size not in known:
                    taken.append(f"{size}_ = shape[{axis}]")
                    known.add(size)
                else:
                    wrong.append(f"shape[{axis}] != {size}_" if isinstance(size, str) else f"shape[{axis}] != {size}")
            refused = f"if {' or '.join(wrong)}: raise TypeError"
            lines += [f"{field}_ = value.{field}", f"shape = {field}_.shape", refused, *taken]
        return lines

    def _write(self, kind: Any, what: str) -> list[str]:
        """Lines that append `what` to `out`."""
        if isinstance(kind, dict) and kind.get("logicalType") == "uuid":
            return self._out(f"text(of_uuid({what}))")
        name = kind if isinstance(kind, str) else "union" if isinstance(kind, list) else kind["type"]
        if name in ("int", "long"):
            return self._out(f"long({what})")
        if name == "string":
            return self._out(f"text({what})")
        if name == "double":
            return self._out(f"double({what})")
        if name == "bytes":
            return [f"content = bare({what})", *self._out("long(len(content))", "content")]
        if name == "enum":
            symbols = self._known({symbol: _long(i) for i, symbol in enumerate(kind["symbols"])})
            return self._out(f"{symbols}[{what}]")
        if name == "union":
            return self._write_union(kind, what)
        if name == "array":
            each = self._helper("item, out", self._write(kind["items"], "item"))
            count = self._out(f"long(len({what}))", indent=1)
            return [f"if {what}:", *count, f" for item in {what}: {each}(item, out)", *self._out(repr(b"\0"))]
        if name == "map":
            each = self._helper("item, out", self._write(kind["values"], "item"))
            count = self._out(f"long(len({what}))", indent=1)
            loop = [f" for key, item in {what}.items():", *self._out("text(key)", indent=2), f"  {each}(item, out)"]
            return [f"if {what}:", *count, *loop, *self._out(repr(b"\0"))]
        record = self.record(kind) if isinstance(kind, dict) else _short(kind)
        return [f"write_{record}({what}, out)"]

    def _write_union(self, branches: list[Any], what: str) -> list[str]:
        lines: list[str] = []
        for i, branch in enumerate(branches):
            if branch == "null":
                lines += [f"{'el' * bool(lines)}if {what} is None:", *self._out(repr(_long(i)), indent=1)]
                continue
            short = _short(branch if isinstance(branch, str) else branch.get("name", ""))
            test = f"type({what}) is {short}" if short in self._classes else f"{what} is not None"
            inner = [f" {line}" for line in self._write(branch, what)]
            lines += [f"{'el' * bool(lines)}if {test}:", *self._out(repr(_long(i)), indent=1), *inner]
        return [*lines, "else: raise TypeError"]

    def _read(self, kind: Any, what: str, *, as_tuple: bool = False) -> list[str]:
        """Lines that set `what` to what stands at `at`, and `at` behind it."""
        if isinstance(kind, dict) and kind.get("logicalType") == "uuid":
            return [*self._read("string", what), f"{what} = UUID({what})"]
        name = kind if isinstance(kind, str) else "union" if isinstance(kind, list) else kind["type"]
        if name in ("int", "long"):
            return _read_long(what)
        if name == "string":
            return [*_read_size(), f"{what}, at = data[at:at + size].decode(), at + size"]
        if name == "double":
            return [f"{what}, = from_double(data, at)", "at += 8"]
        if name == "bytes":
            return [*_read_size(), f"{what}, at = data[at:at + size], at + size"]
        if name == "enum":
            return [*_read_size(), f"{what} = {self._known(list(kind['symbols']))}[size]"]
        if name == "union":
            lines = _read_size()
            for i, branch in enumerate(kind):
                inner = [f"{what} = None"] if branch == "null" else self._read(branch, what)
                lines += [f"{'el' * bool(i)}if size == {i}:", *(f" {line}" for line in inner)]
            return [*lines, "else: raise ValueError"]
        if name in ("array", "map"):
            # In one block, as it is written; what others write in many goes the general way.
            item = self._read(kind["items" if name == "array" else "values"], "item")
            each = self._helper("data, at", [*item, "return item, at"], kind="read")
            count, key = f"{what}count", f"{what}key"
            start = [*_read_size(), f"{count} = size", f"{what} = {'[]' if name == 'array' else '{}'}"]
            if name == "array":
                loop = [f" item, at = {each}(data, at)", f" {what}.append(item)"]
            else:
                loop = [*(f" {line}" for line in self._read("string", key)), f" {what}[{key}], at = {each}(data, at)"]
            end = [f"if {count}:", " if data[at]: raise ValueError", " at += 1"]
            return [*start, f"for _ in range({count}):", *loop, *end, *([f"{what} = tuple({what})"] * as_tuple)]
        record = self.record(kind) if isinstance(kind, dict) else _short(kind)
        return [f"{what}, at = read_{record}(data, at)"]

    def _known(self, value: Any) -> str:
        """Name of a constant."""
        self._number += 1
        self.scope[f"known_{self._number}"] = value
        return f"known_{self._number}"

    def _helper(self, arguments: str, body: list[str], kind: str = "write") -> str:
        """Name of a function."""
        self._number += 1
        name = f"{kind}_{self._number}"
        self._define(f"{name}({arguments})", _joined(body))
        return name

    def _define(self, head: str, body: list[str]) -> None:
        self.lines += [f"def {head}:", *(f" {line}" for line in body)]

    @staticmethod
    def _out(*parts: str, indent: int = 0) -> list[str]:
        return [f"{' ' * indent}out += ({', '.join(parts)}, )"]


class _Known(dict[bytes, Any]):
    """Values by the bytes that they were read from: a frame's stamp comes along in the records of many stages.

    No value's bytes begin with those of another. `size` is that of the last ones: mostly the next are as long.
    """

    size = 0

    def add(self, content: bytes, value: Any) -> None:
        """Remember one more; after 64 all are forgotten."""
        if len(self) >= 64:
            self.clear()
        self[content] = value
        self.size = len(content)


@cache
def _known(cls: type, definition: str) -> _Known:
    """Shared by all topics whose records hold this."""
    return _Known()


def _joined(lines: list[str]) -> list[str]:
    """The lines with neighbours that append to `out` made one."""
    joined: list[str] = []
    start, end = "out += (", ", )"
    for line in lines:
        if joined and line.startswith(start) and joined[-1].startswith(start):
            joined[-1] = f"{joined[-1][: -len(end)]}, {line[len(start) :]}"
        else:
            joined.append(line)
    return joined


def _read_varint(what: str) -> list[str]:
    """Nearly all are of one byte or two."""
    return [f"{what} = data[at]", "at += 1", f"if {what} > 127:",
            f" if data[at] < 128: {what}, at = {what} & 127 | data[at] << 7, at + 1",
            f" else: {what}, at = more(data, at, {what})"]  # fmt: skip


def _read_long(what: str) -> list[str]:
    return [*_read_varint(what), f"{what} = {what} >> 1 ^ -({what} & 1)"]


def _read_size() -> list[str]:
    """A number that must not be negative, as `size`."""
    return [*_read_varint("size"), "if size & 1: raise ValueError", "size >>= 1"]


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _varint(number: int) -> bytes:
    zigzag = number << 1 ^ number >> 63
    content = bytearray()
    while zigzag > 127:
        content.append(zigzag & 127 | 128)
        zigzag >>= 7
    content.append(zigzag)
    return bytes(content)


_SMALL = tuple(map(_varint, range(8192)))


def _long(number: int) -> bytes:
    return _SMALL[number] if 0 <= number < 8192 else _large(number)


@lru_cache(maxsize=256)
def _large(number: int) -> bytes:
    """Each frame's times come along in the records of many stages."""
    if not -(1 << 63) <= number < 1 << 63:
        raise OverflowError
    return _varint(number)


@lru_cache(maxsize=256)
def _text(text: str) -> bytes:
    """Names and labels, of which there are few."""
    content = text.encode()
    return _long(len(content)) + content


def _of_uuid(value: Any) -> str:
    if type(value) is not UUID:
        raise TypeError
    return str(value)


def _bare(content: Any) -> bytes:
    """Bytes as they are; of pixels that are an array none, as they travel beside the record."""
    if type(content) is bytes:
        return content
    if type(content) is np.ndarray:
        return b""
    raise TypeError


def _more(data: bytes, at: int, number: int) -> tuple[int, int]:
    """The rest of a varint of more than two bytes, of which `number` is the first."""
    time = _of_eight(data[at - 1 : at + 7])
    if time is not None:
        return time, at + 7
    number &= 127
    shift = 7
    while shift < 64:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            if number >> 64:
                break
            return number, at
        shift += 7
    raise ValueError


@lru_cache(maxsize=256)
def _of_eight(content: bytes) -> int | None:
    """The varint of these eight bytes, as the times of this century are; None if they are none."""
    number = 0
    for place, byte in enumerate(content):
        number |= (byte & 127) << 7 * place
        if byte < 128:
            return number if place == 7 else None
    return None
