"""A sink of JSON lines: one file, one record a line."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.core.errors import ConfigError, SinkUnavailable
from pipeline.core.records import Dropped, Record, Tick
from pipeline.sinks.plain import kind_of, plain_record

_Stream = tuple[int, int, str, str]
_Mark = tuple[int, int]


class JsonLinesSink:
    """Appends records to a file, each once, all of a write or none.

    Beside the file lies `<file>.marks`: how many of its bytes count, and how far each stream (run, camera, kind) goes
    in them. What a crash left behind those bytes is cut off; a record that is not behind its stream's mark is there
    already. Streams must come in their order, as they do from a bus. One process at a time may write a file.

    Args:
        path: Of the file; made if missing, its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._marks_path = path.with_name(f"{path.name}.marks")
        self._marks: dict[_Stream, _Mark] = {}
        self._size = 0
        self._certain = False
        try:
            self._file = path.open("ab", buffering=0)  # a buffer would keep what a full disk refused
        except OSError as error:
            raise ConfigError(
                f"cannot write to {path}: {error.strerror}", hint="name a file in a folder that exists"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._take_up()
        except OSError as error:
            self._file.close()
            raise ConfigError(f"{path} is in use: {error.strerror}", hint="let each run write its own file") from error
        except ConfigError:
            self._file.close()
            raise

    def write(self, records: Sequence[Record[Any]]) -> None:
        """All or nothing. Raises SinkUnavailable to be called again with the same records."""
        try:
            if not self._certain:
                self._take_up()
            marks = dict(self._marks)
            lines = [_line(record) for record in records if _advance(marks, record)]
            if lines:
                self._append(b"".join(lines), marks)
        except OSError as error:
            raise SinkUnavailable(
                f"{self._path} takes no records: {error.strerror}", hint="make room, or check the disk"
            ) from error

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def _append(self, content: bytes, marks: dict[_Stream, _Mark]) -> None:
        self._certain = False
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]
        os.fsync(self._file.fileno())
        self._save_marks(self._size + len(content), marks)
        self._size += len(content)
        self._marks = marks
        self._certain = True

    def _save_marks(self, size: int, marks: dict[_Stream, _Mark]) -> None:
        """The one step that makes a write count: the marks are replaced as a whole."""
        fresh = self._marks_path.with_name(f"{self._marks_path.name}.new")
        with fresh.open("w") as file:
            json.dump({"bytes": size, "marks": [[*stream, *mark] for stream, mark in marks.items()]}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._marks_path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _take_up(self) -> None:
        """Read the marks and cut off what they do not cover."""
        size, marks = 0, {}
        with suppress(FileNotFoundError):
            content = json.loads(self._marks_path.read_text())
            size = content["bytes"]
            marks = {(run, no, kind, by): (session, n) for run, no, kind, by, session, n in content["marks"]}
        found = self._path.stat().st_size
        if found < size or (found > 0 and not self._marks_path.exists()):
            raise ConfigError(
                f"{self._path} has {found} bytes, its marks tell of {size}",
                hint=f"the file was changed from outside: name another one, or remove it and {self._marks_path.name}",
            )
        os.truncate(self._path, size)
        self._size, self._marks, self._certain = size, marks, True


def _line(record: Record[Any]) -> bytes:
    return json.dumps(plain_record(record), separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _advance(marks: dict[_Stream, _Mark], record: Record[Any]) -> bool:
    """Move the mark of the record's stream; False where the record is not behind it.

    Drops and ticks pass through several topics, with other numbers in each: what tells them apart is their frame or
    their time.
    """
    stamp, value = record.stamp, record.value
    stream = (stamp.run, stamp.camera_no, kind_of(value), getattr(value, "stage", ""))
    place = stamp.seq if isinstance(value, Dropped) else stamp.captured_at_us if isinstance(value, Tick) else stamp.n
    mark = (stamp.session, place)
    if mark <= marks.get(stream, (-1, -1)):
        return False
    marks[stream] = mark
    return True
