"""CSV with a row a pose, as programs around MediaPipe write it: x, y, maybe z and visibility of each keypoint.

Forms that are known: a header with `nose_x, nose_y, nose_z, nose_v, ...` in any spelling; one with `x1, y1, z1, v1 ...`
in the order of the skeleton; none at all, as of ML Kit: a name, a label and three numbers a keypoint. A row is a frame,
unless a column tells the frame (`frame`, `frame_no`), the time (`time`, `time_s`, `timestamp_ms`) or the person
(`person`, `track_id`, `id`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import SourceError
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import I64
from pipeline.exchange.names import plain_name, skeleton_of
from pipeline.exchange.people import People, Read, unheard

_AXES = {"x": 0, "y": 1, "z": 2, "v": 3, "visibility": 3, "score": 3, "confidence": 3, "c": 3, "conf": 3}
_FRAME, _PERSON = ("frame", "frame_no", "frame_number"), ("person", "track_id", "id", "person_id")
_TIMES = {"time": 1e6, "time_s": 1e6, "seconds": 1e6, "timestamp_ms": 1e3, "time_ms": 1e3, "timestamp_us": 1.0}
_NUMBERED = re.compile(r"(x|y|z|v|visibility|score|confidence|c)_?(\d+)", re.IGNORECASE)
_PLACES = ("x", "y", "z", "v")
_FULL_SCORE = 1.0
_NORMALISED = 4.0
"""Coordinates whose median is below this are shares of the picture: no person is four pixels from the corner."""


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file whose header is understood.

    Attributes:
        skeleton: Name.
        keypoints: Names of those that the file has.
        normalised: Coordinates are shares of the picture.
        size: Of the picture in pixels; known, or the smallest that holds all.
        guessed_size: Whether the size is only that.
        ignored: Columns that are neither of a keypoint nor of a frame.
        timed: There is a column of times.
    """

    path: Path
    skeleton: str
    keypoints: tuple[str, ...]
    normalised: bool
    size: tuple[int, int]
    guessed_size: bool
    ignored: tuple[str, ...]
    timed: bool
    _columns: Mapping[tuple[int, int], int] = field(repr=False)
    _header: bool
    _frame: int | None
    _time: tuple[int, float] | None
    _person: int | None

    def people(self, fps: float | None, read: Read = unheard) -> Iterator[People]:
        """The people of each frame, row by row; `read` is told how many bytes of the file are behind them.

        Raises:
            SourceError: A row is not like the others.
        """
        persons: dict[str, int] = {}
        first_us: float | None = None

        def frame_of(numbered: tuple[int, list[str]]) -> Any:
            i, row = numbered
            return row[self._frame] if self._frame is not None else row[self._time[0]] if self._time else i

        for i, (_, group) in enumerate(groupby(_rows(self.path, header=self._header, read=read), key=frame_of)):
            members = list(group)
            line, row = members[0]
            seq = self._whole(line, row[self._frame]) if self._frame is not None else i
            if fps is None:
                assert self._time is not None
                at_us = self._number(line, row[self._time[0]]) * self._time[1]
                first_us = at_us if first_us is None else first_us
                offset = round(at_us - first_us)
            else:
                offset = round((i if self._frame is None else seq) * 1e6 / fps)
            yield self._people(seq, offset, members, persons)

    def _people(
        self, seq: int, offset_us: int, members: list[tuple[int, list[str]]], persons: dict[str, int]
    ) -> People:
        n, k = len(members), len(SKELETONS[self.skeleton])
        columns = list(self._columns.values())
        keypoints, axes = (list(each) for each in zip(*self._columns, strict=True))
        values = np.full((n, k, 4), np.nan)
        values[:, keypoints, 3] = _FULL_SCORE
        person = np.ones(n, np.int64)
        for i, (line, row) in enumerate(members):
            values[i, keypoints, axes] = self._numbers(line, [row[column] for column in columns])
            if self._person is not None:
                person[i] = persons.setdefault(row[self._person], len(persons) + 1)
            else:
                person[i] = i + 1
        width, height = self.size
        if self.normalised:
            values[:, :, :3] *= (width, height, width)
        # Programs that have no score write a keypoint that they do not see at the corner.
        unseen = (values[:, :, 0] == 0) & (values[:, :, 1] == 0) | np.isnan(values[:, :, 0])
        values[unseen, :3] = np.nan
        score = np.where(unseen | np.isnan(values[:, :, 3]), 0, np.clip(values[:, :, 3], 0, 1)).astype(np.float32)
        known = score[:, sorted(set(keypoints))]
        return People(
            *(seq, offset_us, self.skeleton, width, height, person, known.mean(axis=1).astype(np.float32)),
            *(values[:, :, :3].astype(np.float32), score, np.zeros((n, k), np.uint8)),
        )

    def _numbers(self, line: int, texts: list[str]) -> list[float]:
        try:
            return list(map(float, texts))
        except ValueError:
            return [self._number(line, text) for text in texts]

    def _number(self, line: int, text: str) -> float:
        try:
            return float(text) if text.strip() else np.nan
        except ValueError:
            raise SourceError(f"{self.path}, line {line}: {text[:40]!r} is no number") from None

    def _whole(self, line: int, text: str) -> int:
        number = self._number(line, text)
        if not np.isfinite(number) or number != int(number) or number < 0:
            raise SourceError(f"{self.path}, line {line}: {text[:40]!r} is no number of a frame")
        return int(number)


def read_csv(
    path: Path,
    skeleton: str | None = None,
    size: tuple[int, int] | None = None,
    rename: Mapping[str, str] | None = None,
) -> CsvFile:
    """Understand the header of a file.

    Args:
        path: Of the file.
        skeleton: What its keypoints are; None: by their names and number.
        size: Width and height of the picture in pixels.
        rename: Names in the file -> our names of keypoints.

    Raises:
        SourceError: It is not such a file, or the size of the picture is needed and not given.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = next(csv.reader(file), None)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    if not first or len(first) < 4:
        raise SourceError(f"{path} is no CSV with a row a pose: its first line has {len(first or ())} columns")
    header = not any(_is_number(cell) for cell in first)
    if header:
        columns, names, chosen, others = _named(path, first, skeleton, rename or {})
    else:
        columns, names, chosen = _nameless(path, first, skeleton)
        others = {}
    low, high = _extent(path, columns, header)
    normalised = high < _NORMALISED
    if size is None and normalised:
        raise SourceError(
            f"{path}: its coordinates are shares of the picture, whose size is not known",
            hint="give it with --size 1920x1080",
        )
    guessed = (int(low[0]) + 1, int(low[1]) + 1)
    frame = next((others[name] for name in _FRAME if name in others), None)
    person = next((others[name] for name in _PERSON if name in others), None)
    time = next(((others[name], scale) for name, scale in _TIMES.items() if name in others), None)
    used = {frame, person, time[0] if time else None}
    return CsvFile(
        path=path,
        skeleton=chosen,
        keypoints=names,
        normalised=normalised,
        size=size or guessed,
        guessed_size=size is None,
        ignored=tuple(name for name, i in others.items() if i not in used),
        timed=time is not None,
        _columns=columns,
        _header=header,
        _frame=frame,
        _time=time,
        _person=person,
    )


def _named(
    path: Path, header: Sequence[str], skeleton: str | None, rename: Mapping[str, str]
) -> tuple[dict[tuple[int, int], int], tuple[str, ...], str, dict[str, int]]:
    found: dict[tuple[str, int], int] = {}
    others: dict[str, int] = {}
    numbered = [_NUMBERED.fullmatch(cell.strip()) for cell in header]
    if sum(match is not None for match in numbered) >= 10:
        return _counted(path, header, numbered, skeleton)
    for i, cell in enumerate(header):
        stem, _, axis = cell.strip().rpartition("_")
        if axis.lower() in _AXES and stem:
            name = rename.get(stem) or plain_name(stem)
            if (name, _AXES[axis.lower()]) in found:
                raise SourceError(f"{path}: two columns are {axis} of {name}", hint="tell them apart with --rename")
            found[name, _AXES[axis.lower()]] = i
        else:
            others[cell.strip().lower()] = i
    names = tuple(dict.fromkeys(name for name, _ in found))
    if not names:
        raise SourceError(
            f"{path}: no column is named like a coordinate of a keypoint, such as nose_x",
            hint="docs/exchange.md shows the forms that are known",
        )
    lacking = [f"{name}_{axis}" for name in names for axis in ("x", "y") if (name, _AXES[axis]) not in found]
    if lacking:
        raise SourceError(f"{path}: there is no column {lacking[0]}")
    depth = any(axis == 2 for _, axis in found)
    chosen = skeleton_of(names, skeleton, f"{path}", depth=depth)
    index = SKELETONS[chosen].index
    return {(index[name], axis): i for (name, axis), i in found.items()}, names, chosen, others


def _counted(
    path: Path, header: Sequence[str], numbered: Sequence[re.Match[str] | None], skeleton: str | None
) -> tuple[dict[tuple[int, int], int], tuple[str, ...], str, dict[str, int]]:
    """Columns like x1, y1, z1, v1; numbers begin at 0 or 1."""
    numbers = sorted({int(match[2]) for match in numbered if match})
    base, count = numbers[0], len(numbers)
    chosen = skeleton or next((s.name for s in SKELETONS.values() if len(s) == count), None)
    if chosen is None or len(SKELETONS[chosen]) != count or numbers != list(range(base, base + count)):
        raise SourceError(f"{path} has {count} numbered keypoints, which no skeleton has", hint="name it: --skeleton")
    columns = {
        (int(match[2]) - base, _AXES[match[1].lower()]): i for i, match in enumerate(numbered) if match is not None
    }
    others = {header[i].strip().lower(): i for i, match in enumerate(numbered) if match is None}
    return columns, SKELETONS[chosen].keypoints, chosen, others


def _nameless(
    path: Path, first: Sequence[str], skeleton: str | None
) -> tuple[dict[tuple[int, int], int], tuple[str, ...], str]:
    """No header: texts, then two, three or four numbers for each keypoint."""
    lead = next(i for i, cell in enumerate(first) if _is_number(cell))
    count = len(first) - lead
    for candidate in [skeleton] if skeleton else SKELETONS:
        k = len(SKELETONS[candidate])
        if count in (2 * k, 3 * k, 4 * k):
            per = count // k
            columns = {(i, axis): lead + i * per + axis for i in range(k) for axis in range(per)}
            return columns, SKELETONS[candidate].keypoints, candidate
    raise SourceError(
        f"{path} has no header, and {count} numbers a row are not 2, 3 or 4 for each keypoint of a skeleton",
        hint="name the skeleton with --skeleton",
    )


def _extent(path: Path, columns: Mapping[tuple[int, int], int], header: bool) -> tuple[I64, float]:
    """The largest x and y of the file, and a coordinate that most of it stays below."""
    most = np.zeros(2)
    middles: list[float] = []
    by_axis = [[i for (_, axis), i in columns.items() if axis == which] for which in (0, 1)]
    for line, row in _rows(path, header=header):
        try:
            xy = np.array([[float(row[i] or "nan") for i in part] for part in by_axis])
        except ValueError:
            wrong = next(row[i] for part in by_axis for i in part if not _is_number(row[i] or "0"))
            raise SourceError(f"{path}, line {line}: {wrong[:40]!r} is no number") from None
        finite = np.where(np.isfinite(xy), np.abs(xy), 0)
        most = np.maximum(most, finite.max(axis=1))
        middles.append(float(np.median(finite)))
    if not middles:
        raise SourceError(f"{path} has no rows")
    if most.max() > 1e5:
        raise SourceError(f"{path}: a coordinate of {most.max():g} lies in no picture")
    return np.ceil(most).astype(np.int64), float(np.max(middles))


def _rows(path: Path, *, header: bool, read: Read = unheard) -> Iterator[tuple[int, list[str]]]:
    """Lines with their numbers. Raises SourceError where one has more or fewer columns than the first."""
    width = 0
    try:
        with path.open("rb") as raw, TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for row in reader:
                if not row:
                    continue
                width = width or len(row)
                if len(row) != width:
                    raise SourceError(f"{path}, line {reader.line_num}: {len(row)} columns, the first has {width}")
                if header:
                    header = False
                    continue
                yield reader.line_num, row
                read(raw.tell())  # a few kB ahead
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
