"""States of stages to bytes and back."""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from pipeline.codec.binding import Binding
from pipeline.codec.schemas import SchemaBook
from pipeline.codec.single_object import SingleObject
from pipeline.core.errors import InvalidRecord, StateError


class AvroStateCodec:
    """The codec of one stage's state.

    Args:
        book: All schemas.
        name: Of the stage; its schema is state/<name>.
        cls: The dataclass of the state.
    """

    def __init__(self, book: SchemaBook, name: str, cls: type) -> None:
        self._name = name
        self._avro = SingleObject(book, f"state/{name}")
        self._binding = Binding(self._avro.definition, _classes_of(cls), writeable=True)

    def encode(self, state: Any) -> bytes:
        """The state as bytes."""
        return self._avro.encode(self._binding.to_datum(state))

    def decode(self, content: bytes) -> Any:
        """Raises StateError."""
        try:
            return self._binding.from_datum(self._avro.decode(content))
        except InvalidRecord as error:
            raise StateError(
                f"the saved state of {self._name} cannot be read: {error.message}",
                hint=error.hint or "use the posebus that wrote it, or begin as another camera: --camera NAME",
            ) from error


def _classes_of(cls: type) -> dict[str, type]:
    """The dataclass and all those that its fields hold, by name."""
    found = {cls.__name__: cls}
    for hint in (get_type_hints(cls)[field.name] for field in fields(cls)):
        for part in _parts(hint):
            if is_dataclass(part) and isinstance(part, type) and part.__name__ not in found:
                found |= _classes_of(part)
    return found


def _parts(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, types.UnionType, list, tuple, dict):
        return [part for arg in get_args(hint) for part in _parts(arg)]
    return [hint]
