"""Carries out an import: recordings of other programs, and exports, into the history."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from pipeline.cli.numbers import TrackSpans
from pipeline.cli.take_up import Wishes, take_up
from pipeline.cli.terminal import ERR, OUT, cell, warn
from pipeline.config import Config
from pipeline.core.errors import ConfigError, SourceError
from pipeline.core.ports import Cut, Picture, Position, SourceInfo
from pipeline.core.records import Record, Stamp
from pipeline.core.tables import PoseTable
from pipeline.core.values import Measures
from pipeline.database import Database
from pipeline.exchange.arrow import read_parquet
from pipeline.exchange.coco_reader import CocoFile
from pipeline.exchange.csv_reader import CsvFile
from pipeline.exchange.people import motions_of, renamed, restored
from pipeline.topology import STAGES

_BATCH = 512
"""Frames of one transaction."""


@dataclass(frozen=True)
class ImportOptions:
    """What the user said; see the command.

    Attributes:
        start_us: Event time of the first frame, or None.
        fps: Frames a second, or None for the times in the file.
        rename: Names of keypoints in the file -> ours.
        run: None: 0, or that of an export.
    """

    camera: str | None
    start_us: int | None
    fps: float | None
    skeleton: str | None
    size: tuple[int, int] | None
    rename: Mapping[str, str]
    run: int | None
    again: bool
    analyze: bool


@dataclass(frozen=True)
class _Recording:
    """Stands for a file of poses where a source of pictures is taken up."""

    info: SourceInfo

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """There are none."""
        return iter(())


def restore(settings: Config, database: Database, paths: Sequence[Path], options: ImportOptions) -> None:
    """Poses that were exported: they keep times, sessions, frame numbers and tracks."""
    if options.fps is not None or options.skeleton is not None or options.size is not None or options.rename:
        raise ConfigError(f"{paths[0]} is an export: --fps, --skeleton, --size and --rename have no meaning for it")
    names: dict[str, str] = {}
    spans = TrackSpans()
    first_us: int | None = None
    with _progress("looking through", paths) as bar:
        for table in _tables(paths, bar):
            names[table.camera] = options.camera or table.camera
            first_us = min(int(table.at_us.min()), int(table.at_us[0]) if first_us is None else first_us)
            spans.add(table)
    if options.camera is not None and len(names) > 1:
        raise ConfigError(f"{len(names)} cameras are in there, --camera names one", hint="leave --camera out")
    later_us = 0 if options.start_us is None or first_us is None else options.start_us - first_us
    registry = database.registry()
    numbers = {name: registry.camera_no(name) for name in names.values()}
    with ExitStack() as held:
        for name, number in numbers.items():
            held.enter_context(registry.hold(number, name, options.run or 0))
        spans.check(database, {camera: numbers[name] for camera, name in names.items()}, options.run, later_us)
        with _progress(", ".join(numbers), paths) as bar:
            tables = renamed(_tables(paths, bar), options.camera, later_us)
            frames, poses = _write(settings, database, restored(tables, options.run, numbers), bar, options)
    what = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files"
    OUT.print(f"{cell(what)}: {poses} poses of {frames} frames as {cell(', '.join(numbers) or 'nobody')}")


def record(settings: Config, database: Database, opened: CocoFile | CsvFile, options: ImportOptions) -> None:
    """A recording of another program: a new session of the camera, whose tracks are its own."""
    path = opened.path
    own_times = opened.timed if isinstance(opened, CsvFile) else opened.start_us is not None
    if options.fps is None and not own_times:
        raise ConfigError(f"{path} has no times: how many frames a second are they?", hint="give --fps 30")
    _tell(opened)
    name, run = options.camera or path.name, options.run or 0
    if not name.strip() or not name.isprintable() or len(name) > 200:
        raise ConfigError(f"{name[:200]!r} cannot be the name of a camera", hint="name it with --camera")
    registry = database.registry()
    number = registry.camera_no(name)
    info = SourceInfo(name, "poses", _fingerprint(path, options), 0, 0, options.fps or 0.0, None)
    with registry.hold(number, name, run):
        own = opened.start_us if isinstance(opened, CocoFile) and options.fps is None else None
        wishes = Wishes(
            start_us=options.start_us if options.start_us is not None else own, resume=True, again=options.again
        )
        up = take_up(database, name, _Recording(info), wishes, time.time_ns() // 1000, run=run)
        if up.stored:
            warn(f"camera {name}: {path} is stored already; --again reads it anew as a later recording")
            return
        base, session = up.camera.cut, up.camera.position.session
        begun = replace(up.camera.position, seq=0, finished=False)
        database.cuts().commit(Cut(run, number, base + 1, begun, up.snapshots))
        last_us = 0

        def records(bar: _Bar) -> Iterator[Record[Any]]:
            nonlocal last_us
            for people in opened.people(options.fps, bar.read):
                at_us = up.camera.start_us + people.offset_us
                if at_us < last_us:
                    raise SourceError(f"{path}: the time of frame {people.seq} lies before the one before it")
                last_us = at_us
                stamp = Stamp(run, name, number, session, people.seq, people.seq, at_us, at_us, "file")
                yield Record(stamp, motions_of(people, number, session))

        with _progress(path.name, [path]) as bar:
            frames, poses = _write(settings, database, records(bar), bar, options)
        ended = Position(session, frames, last_us, info.fingerprint, True)
        database.cuts().commit(Cut(run, number, base + 2, ended, up.snapshots))
    OUT.print(f"{cell(path)}: {poses} poses of {frames} frames as {cell(name)}")


def _write(
    settings: Config,
    database: Database,
    records: Iterable[Record[Any]],
    bar: _Bar,
    options: ImportOptions,
) -> tuple[int, int]:
    """Records to where they rest, a batch a transaction; numbers of frames and of poses."""
    sink = database.sink("import")
    frames = poses = 0
    watch = _Watch(settings) if options.analyze else None
    stream = iter(records)
    while batch := list(islice(stream, _BATCH)):
        told = [more for record in batch for more in watch.seen(record)] if watch else []
        sink.write([*batch, *told])
        frames += len(batch)
        poses += sum(len(record.value.poses) for record in batch)
        bar.stored(frames)
    return frames, poses


class _Watch:
    """The stages `analyze` and `alert` over recorded poses, a state a camera."""

    def __init__(self, settings: Config) -> None:
        # Neither of the two looks at pixels: they need no models.
        self._analyze: Any = STAGES["analyze"].build(settings, None)  # type: ignore[arg-type]
        self._alert: Any = STAGES["alert"].build(settings, None)  # type: ignore[arg-type]
        self._states: dict[str, tuple[Any, Any]] = {}
        self._numbers: dict[str, int] = {}

    def seen(self, record: Record[Any]) -> Iterator[Record[Any]]:
        """Measures, events and steps of incidents that follow from a frame."""
        stamp, key = record.stamp, record.stamp.camera
        if key not in self._states:
            self._states[key] = (self._analyze.initial_state(key), self._alert.initial_state(key))
        first, second = self._states[key]
        first, outputs = self._analyze.step(first, record)
        for output in outputs:
            yield Record(stamp, output)
            if isinstance(output, Measures):
                second, steps = self._alert.step(second, Record(stamp, output))
                for step in steps:
                    yield Record(stamp, step)
        self._states[key] = (first, second)


def _tell(opened: CocoFile | CsvFile) -> None:
    if isinstance(opened, CocoFile):
        if opened.skipped:
            warn(f"{opened.path}: {opened.skipped} annotations without keypoints are left out")
        return
    if opened.guessed_size:
        warn(f"{opened.path}: the picture is taken to be {opened.size[0]} x {opened.size[1]}; --size tells its size")
    if opened.ignored:
        warn(f"{opened.path}: left out: {', '.join(opened.ignored[:10])}")


def _fingerprint(path: Path, options: ImportOptions) -> str:
    """Of the content and of all that changes what is read out of it."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    meant = [options.fps, options.skeleton, options.size, sorted(options.rename.items())]
    digest.update(json.dumps(meant).encode())
    return f"poses-{digest.hexdigest()[:32]}"


def _tables(paths: Sequence[Path], bar: _Bar) -> Iterator[PoseTable]:
    """All poses of exported files, one file after the other."""
    before = 0
    for path in paths:
        yield from read_parquet(path, partial(bar.read, before=before))
        before += path.stat().st_size


class _Bar:
    """How much of some files is read, and how many frames are stored."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def read(self, size: int, before: int = 0) -> None:
        """So many bytes of a file are behind, and so many of the files before it."""
        self._progress.update(self._task, completed=before + size)

    def stored(self, frames: int) -> None:
        """So many frames are stored."""
        self._progress.update(self._task, frames=f"{frames} frames")


@contextmanager
def _progress(title: str, paths: Sequence[Path]) -> Iterator[_Bar]:
    """A bar over the bytes of the files, on standard error; nothing where that is no terminal."""
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[frames]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=ERR, transient=True, disable=not sys.stderr.isatty()) as progress:
        total = sum(path.stat().st_size for path in paths)
        yield _Bar(progress, progress.add_task(cell(title), total=total, frames=""))
