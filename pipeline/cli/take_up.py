"""Decides where a source of a camera is taken up: from its beginning, from the last cut, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.cli.numbers import beyond
from pipeline.cli.terminal import warn
from pipeline.core.errors import ConfigError
from pipeline.core.ports import Cut, LiveSource, Position, Source
from pipeline.database import Database
from pipeline.runners.embedded.feed import Camera
from pipeline.runners.live import LIVE
from pipeline.runners.recorded import fingerprint_of

_US = 1_000_000


@dataclass(frozen=True)
class Wishes:
    """What the user asked for.

    Attributes:
        start_us: Event time of the first picture, or None.
        resume: Go on where the last run was cut.
        again: Read a source anew that was read before.
        limit_us: Stop after so much event time, or None.
        fps: Pictures a second that are kept, or None for all.
    """

    start_us: int | None = None
    resume: bool = False
    again: bool = False
    limit_us: int | None = None
    fps: float | None = None


@dataclass(frozen=True)
class TakenUp:
    """A camera ready to run.

    Attributes:
        snapshots: State of each stage to go on with.
        stored: All of this source is in the database already: nothing to do.
    """

    camera: Camera
    snapshots: Mapping[str, bytes]
    stored: bool


def take_up(
    database: Database, name: str, source: Source | LiveSource, wishes: Wishes, now_us: int, *, run: int = 0
) -> TakenUp:
    """Where to begin. Raises ConfigError when the user has to choose, SourceError for a source that cannot be read."""
    number = database.registry().camera_no(name)
    if isinstance(source, LiveSource):
        return _live(database, name, number, source, wishes, run)
    fingerprint = fingerprint_of(source, wishes.fps)
    cut, stored = database.cuts().load(run, number), database.last_numbers(number, run)
    position = _position(name, cut, fingerprint, wishes, stored.session)
    start_us = _start(database, name, number, position, wishes, now_us)
    limit_us = None if wishes.limit_us is None else wishes.limit_us
    camera = Camera(run, name, number, source, start_us, position, cut.number if cut else 0, limit_us)
    return TakenUp(camera, beyond(cut.snapshots if cut else {}, stored.person), position.finished)


def _live(database: Database, name: str, number: int, source: LiveSource, wishes: Wishes, run: int) -> TakenUp:
    """A live camera always goes on: with the states of the last cut, in the sessions after it."""
    cut, stored = database.cuts().load(run, number), database.last_numbers(number, run)
    last_us = cut.position.last_captured_at_us if cut else 0
    position = Position(max(cut.position.session if cut else 0, stored.session), 0, last_us, LIVE)
    camera = Camera(run, name, number, source, 0, position, cut.number if cut else 0, wishes.limit_us)
    return TakenUp(camera, beyond(cut.snapshots if cut else {}, stored.person), stored=False)


def _position(name: str, cut: Cut | None, fingerprint: str, wishes: Wishes, stored_session: int) -> Position:
    if cut is None:
        return Position(session=stored_session + 1, seq=0, last_captured_at_us=0, fingerprint=fingerprint)
    last = cut.position
    if last.fingerprint == fingerprint and not wishes.again:
        if last.finished or wishes.resume or last.seq == 0:
            return last
        raise ConfigError(
            f"camera {name}: a run over this source was cut short at frame {last.seq}",
            hint="go on there with --resume, or read it anew as a later recording with --again",
        )
    if wishes.resume and not last.finished:
        warn(f"camera {name}: the run that was cut short at frame {last.seq} was over another source; this one begins")
    return Position(max(last.session, stored_session) + 1, 0, last.last_captured_at_us, fingerprint)


def _start(database: Database, name: str, number: int, position: Position, wishes: Wishes, now_us: int) -> int:
    """Event time of the picture at 0; remembered, so that a run cut before its first cut begins at the same time."""
    times = database.times()
    remembered = times.start_of(number, position.fingerprint)
    if position.seq > 0 and remembered is not None:
        return remembered
    last = position.last_captured_at_us
    if wishes.start_us is not None:
        if wishes.start_us <= last:
            raise ConfigError(
                f"camera {name} has frames up to {_written(last)}, a start at {_written(wishes.start_us)} lies before",
                hint="event time of a camera never goes back: choose a later --start-time, or another --camera",
            )
        start = wishes.start_us
    elif remembered is not None and remembered > last:
        start = remembered
    else:
        start = max(now_us, last + _US)
    times.remember(number, position.fingerprint, start)
    return start


def _written(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / _US, UTC).isoformat(timespec="seconds")
