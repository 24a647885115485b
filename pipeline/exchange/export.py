"""Carries out an export: one file, or a folder of files that is taken up where it was left off."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from pipeline.core.conversion import convert
from pipeline.core.errors import ConfigError
from pipeline.core.ids import TRACK_BITS
from pipeline.core.skeletons import SKELETONS, Skeleton
from pipeline.core.tables import ALWAYS_US, CameraSpan, History, PoseTable, Selection, TrackSpan
from pipeline.core.types import U8
from pipeline.core.values import DOUBTFUL, FILLED
from pipeline.exchange.files import make_folder, not_written, remove_leftovers, safe_name, scratch_file, whole_file
from pipeline.exchange.writer import Format, WriterOptions

DIARY = "posebus-export.jsonl"
"""In each folder: what is exported there, a line for each file that is done, and a last line when all are."""

_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Export:
    """What to export, and how.

    Attributes:
        skeleton: Poses are converted to this one; None: they stay as they are.
        fps: Frames a second of formats with evenly spaced frames; None: as the poses come.
        overwrite: What is there already is written anew.
    """

    form: Format
    selection: Selection
    skeleton: str | None = None
    fps: float | None = None
    overwrite: bool = False


@dataclass(slots=True)
class Done:
    """What an export did.

    Attributes:
        files: Written now.
        kept: Files of an earlier, unfinished export of the same.
        poses: Read now.
        rows: Rows, annotations or frames written now.
        without: Tracks that have nothing of what the format holds.
    """

    files: int = 0
    kept: int = 0
    poses: int = 0
    rows: int = 0
    without: int = 0


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far an export is.

    Attributes:
        poses: Read so far in all.
        at_us: Event time of the last one.
        done_us, total_us: How much of the time with poses is done: of each camera, or each track, from first to last.
    """

    poses: int
    at_us: int
    done_us: int
    total_us: int


Seen = Callable[[Progressed], None]
"""Told of progress, which only grows."""


def export_file(history: History, wish: Export, path: Path, seen: Seen) -> Done:
    """Everything into one file.

    Raises:
        ConfigError: It exists, cannot be written, or there is nothing to put into it.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder", hint="name a file, or end the name of the folder with /")
    if path.exists() and not wish.overwrite:
        raise ConfigError(f"{path} exists already", hint="write it anew with --overwrite, or name another file")
    if wish.form.per == "track":
        tracks = history.tracks(wish.selection)
        if len(tracks) > 1:
            raise ConfigError(
                f"a {wish.form.suffix} file holds one person, {len(tracks)} tracks are meant",
                hint="choose one with --track, or name a folder: -o FOLDER/",
            )
        if tracks:
            wish = replace(wish, selection=replace(wish.selection, tracks=(tracks[0].track_id,)))
    done = Done()
    if not _write(history, wish, wish.selection, path, done, _Way(history, wish.form, wish.selection, seen)):
        if done.poses:
            raise ConfigError(f"these poses have no {wish.form.needs}, which {wish.form.name} is made of")
        raise ConfigError("no poses are stored there", hint="widen --from, --to, --camera or --track")
    return done


def export_folder(history: History, wish: Export, folder: Path, now_us: int, seen: Seen) -> Done:
    """A file for each day of a camera, or for each track. A folder that was left off is taken up.

    Args:
        now_us: Stands for the end where the selection has none, and is kept when the export is taken up.

    Raises:
        ConfigError: The folder holds another export, is in use, or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file", hint="name a folder with -o")
    make_folder(folder)
    done = Done()
    with _diary(folder, wish, now_us) as (selection, finished, diary):
        if finished is None:
            raise ConfigError(
                f"{folder} holds all of this export already",
                hint="write it anew with --overwrite, or name another folder",
            )
        remove_leftovers(folder)
        way = _Way(history, wish.form, selection, seen)
        for part, chosen in _parts(history, wish.form, selection):
            path = folder / part
            if part in finished and path.exists() == (finished[part] > 0):
                done.kept += finished[part] > 0
                continue
            make_folder(path.parent)
            rows = _write(history, wish, chosen, path, done, way)
            done.without += rows == 0
            _note(folder, diary, {"file": part, "rows": rows})
        _note(folder, diary, {"finished": True})
    return done


class _Way:
    """How much of the time that is to be exported lies behind, told with each table."""

    def __init__(self, history: History, form: Format, selection: Selection, seen: Seen) -> None:
        self._seen = seen
        self._per_track = form.per == "track"
        self._begin: dict[str | int, int] = {}
        self._total_us = 0
        for span in history.tracks(selection) if self._per_track else history.cameras(selection):
            first_us, end_us = max(span.first_us, selection.from_us), min(span.last_us + 1, selection.to_us)
            self._begin[span.track_id if isinstance(span, TrackSpan) else span.camera] = self._total_us - first_us
            self._total_us += max(end_us - first_us, 0)

    def at(self, poses: int, table: PoseTable) -> None:
        """These poses are read, of so many in all."""
        at_us = int(table.at_us[-1])
        begin_us = self._begin.get(int(table.track_id[-1]) if self._per_track else table.camera)
        # Who came into the history after the spans were asked for is not on the way.
        done_us = self._total_us if begin_us is None else min(max(begin_us + at_us + 1, 0), self._total_us)
        self._seen(Progressed(poses, at_us, done_us, self._total_us))


def _write(history: History, wish: Export, chosen: Selection, path: Path, done: Done, way: _Way) -> int:
    """One file; the number of its rows. No file is left where there are none."""
    poses = 0
    try:
        with whole_file(path) as out, scratch_file(path.parent) as scratch:
            writer = wish.form.open(out, scratch, WriterOptions(path.name, wish.fps))
            try:
                for table in history.poses(chosen):
                    writer.write(table if wish.skeleton is None else converted(table, wish.skeleton))
                    poses += len(table)
                    way.at(done.poses + poses, table)
                rows = writer.finish()
                if rows == 0:
                    raise _NothingError
            except BaseException:
                writer.abandon()
                raise
    except _NothingError:
        rows = 0
    done.poses += poses
    done.files += rows > 0
    done.rows += rows
    return rows


class _NothingError(Exception):
    """There was nothing to write: the file is not to be kept."""


def converted(table: PoseTable, skeleton: str) -> PoseTable:
    """The poses with the keypoints of another skeleton."""
    if table.skeleton == skeleton:
        return table
    source, target = SKELETONS[table.skeleton], SKELETONS[skeleton]
    keypoints, score = convert(table.keypoints, table.keypoint_score, source, target)
    world = table.world
    if world.shape[1]:
        world = convert(world, table.keypoint_score, source, target)[0]
    return replace(
        table,
        skeleton=skeleton,
        keypoints=keypoints,
        keypoint_score=score,
        world=world,
        flags=_converted_flags(table.flags, source, target),
    )


def _converted_flags(flags: U8, source: Skeleton, target: Skeleton) -> U8:
    """A keypoint between two has a flag where one of them has it: the middle of 0 and 1 is not 0."""
    result = np.zeros((len(flags), len(target)), np.uint8)
    for bit in (FILLED, DOUBTFUL):
        marked = ((flags & bit) > 0).astype(np.float32)
        middle = convert(marked[:, :, None], marked, source, target)[0][:, :, 0]
        result |= np.where(middle > 0, bit, 0).astype(np.uint8)
    return result


def _parts(history: History, form: Format, selection: Selection) -> Iterator[tuple[str, Selection]]:
    """Relative names of files, and the poses of each."""
    if form.per == "track":
        for track in history.tracks(selection):
            first = _EPOCH + timedelta(microseconds=track.first_us)
            number = track.track_id & ((1 << TRACK_BITS) - 1)
            name = f"{safe_name(track.camera)}/{number}-{first:%Y%m%dT%H%M%SZ}{form.suffix}"
            yield name, replace(selection, cameras=(track.camera,), tracks=(track.track_id,))
        return
    for span in history.cameras(selection):
        yield from _days(history, form, replace(selection, cameras=(span.camera,)), span)


def _days(history: History, form: Format, selection: Selection, span: CameraSpan) -> Iterator[tuple[str, Selection]]:
    at_us = span.first_us
    while True:
        day_us = at_us - at_us % _DAY_US
        day = _EPOCH + timedelta(microseconds=day_us)
        name = f"{safe_name(span.camera)}/{day:%Y-%m-%d}{form.suffix}"
        within = max(day_us, selection.from_us), min(day_us + _DAY_US, selection.to_us)
        yield name, replace(selection, from_us=within[0], to_us=within[1])
        rest = history.cameras(replace(selection, from_us=within[1])) if within[1] <= span.last_us else ()
        if not rest:
            return
        at_us = rest[0].first_us


@contextmanager
def _diary(folder: Path, wish: Export, now_us: int) -> Iterator[tuple[Selection, dict[str, int] | None, TextIO]]:
    """What is to be exported, the files that are done already (None: all are), and where to note the next."""
    path = folder / DIARY
    try:
        with path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ConfigError(f"another process exports into {folder}", hint="wait for it") from None
            file.seek(0)
            lines = [line for line in map(_read, file) if line]
            if wish.overwrite:
                for line in lines:
                    if "file" in line:
                        (folder / line["file"]).unlink(missing_ok=True)
                file.truncate(0)
                lines = []
            selection = wish.selection
            if lines:
                selection = _taken_up(folder, wish, lines[0])
            else:
                if selection.to_us == ALWAYS_US:
                    selection = replace(selection, to_us=now_us)
                _note(folder, file, _head(wish, selection))
            finished = {line["file"]: line["rows"] for line in lines if "file" in line}
            ended = any("finished" in line for line in lines)
            yield selection, None if ended else finished, file
    except OSError as error:
        raise not_written(path, error) from error


def _head(wish: Export, selection: Selection) -> dict[str, Any]:
    return {
        "posebus_export": 1,
        "format": wish.form.name,
        "skeleton": wish.skeleton,
        "fps": wish.fps,
        "selection": asdict(selection),
        "open_end": wish.selection.to_us == ALWAYS_US,
    }


def _taken_up(folder: Path, wish: Export, head: dict[str, Any]) -> Selection:
    """The selection of the export that was left off here. Raises ConfigError where it was another one."""
    stored = head.get("selection", {})
    selection = wish.selection
    if head.get("open_end") and selection.to_us == ALWAYS_US:
        selection = replace(selection, to_us=int(stored["to_us"]))
    wanted = json.loads(json.dumps(_head(wish, selection)))
    for name in wanted:
        if head.get(name) != wanted[name]:
            raise ConfigError(
                f"{folder} holds another export: its {name.replace('_', ' ')} is {json.dumps(head.get(name))}",
                hint="name another folder, or write this one anew with --overwrite",
            )
    return selection


def _read(line: str) -> dict[str, Any] | None:
    """A line of the diary; None for one that a crash cut off."""
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) and line.endswith("\n") else None


def _note(folder: Path, diary: TextIO, line: dict[str, Any]) -> None:
    try:
        diary.write(json.dumps(line) + "\n")
        diary.flush()
        os.fsync(diary.fileno())
    except OSError as error:
        raise not_written(folder / DIARY, error) from error
