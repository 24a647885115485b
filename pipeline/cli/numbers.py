"""Numbers of sessions and people go on behind those of stored rows, also where the states that knew them are gone.

A database may be restored without the states of its workers, or hold rows that another database exported: a camera of
the same name that then began to count at 1 would give other people the numbers of those who are there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.cameras import CameraSpec
from pipeline.core.errors import ConfigError
from pipeline.core.ids import TRACK_BITS, make_track_id
from pipeline.core.numbering import Progress
from pipeline.core.ports import Bus, Snapshot, StateStore
from pipeline.core.tables import PoseTable
from pipeline.database import Database
from pipeline.runners.worker.reading import Reading
from pipeline.state.changelog import ChangelogStore
from pipeline.topics import PARTITIONS
from pipeline.topology import CHANGELOGS
from stages.ingest import IngestState
from stages.track import TrackOptions, TrackState

_INGEST, _TRACK = "ingest", "track"
_COUNTER = (1 << TRACK_BITS) - 1
_IMPORTED = 1 << (TRACK_BITS - 1)
"""Numbers from here on are given by imports of other programs' files (`exchange.people`)."""


def beyond(snapshots: Mapping[str, bytes], last_person: int) -> Mapping[str, bytes]:
    """The states of a camera's stages, with a tracker that gives its next new person a number above `last_person`.

    Raises StateError.
    """
    if not last_person:
        return snapshots
    content = snapshots.get(_TRACK)
    book = SchemaBook()
    progresses = AvroStateCodec(book, "progress", Progress)
    states = AvroStateCodec(book, _TRACK, TrackState)
    progress: Progress = Progress() if content is None else progresses.decode(content)
    state: TrackState = TrackState() if content is None else states.decode(progress.state)
    if state.counter >= last_person:
        return snapshots
    state.counter = last_person
    return {**snapshots, _TRACK: progresses.encode(replace(progress, state=states.encode(state)))}


def seed_numbers(bus: Bus, database: Database, cameras: Sequence[CameraSpec], client: str) -> list[str]:
    """Give cameras that have rows but no states their numbers; names of those that got some.

    Raises BusUnavailable, SinkUnavailable, StateError.
    """
    store = ChangelogStore(bus, client, CHANGELOGS)
    try:
        return _seeded(store, database, cameras)
    finally:
        store.close()


class TrackSpans:
    """The people of an export, to be compared with those of the database that it is to be put into."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int, int], tuple[int, int]] = {}

    def add(self, table: PoseTable) -> None:
        """Note who is in these poses, and when."""
        whose, of = np.unique(np.stack((table.run, table.track_id & _COUNTER)), axis=1, return_inverse=True)
        first, last = np.full(whose.shape[1], np.iinfo(np.int64).max), np.zeros(whose.shape[1], np.int64)
        np.minimum.at(first, of.ravel(), table.at_us)
        np.maximum.at(last, of.ravel(), table.at_us)
        for run, person, begin_us, end_us in zip(*whose.tolist(), first.tolist(), last.tolist(), strict=True):
            known = self._seen.get((table.camera, run, person), (begin_us, end_us))
            self._seen[table.camera, run, person] = (min(known[0], begin_us), max(known[1], end_us))

    def check(self, database: Database, numbers: Mapping[str, int], run: int | None, later_us: int) -> None:
        """Refuse an export whose people would become one with others.

        Args:
            database: Where it is to be put.
            numbers: Of its cameras there.
            run: Into which run; None: those of the export.
            later_us: Added to all times.

        Raises:
            ConfigError: Somebody else has the number of one of them, or a camera that counts on will give it.
        """
        by_run: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
        for (camera, own_run, person), (first, last) in self._seen.items():
            track = make_track_id(numbers[camera], person)
            by_run[own_run if run is None else run][track] = first + later_us, last + later_us
        for into, ours in by_run.items():
            there = database.seen_between(into, sorted(ours))
            for track, (first, last) in sorted(there.items()):
                apart_us = max(first - ours[track][1], ours[track][0] - last)
                if apart_us > TrackOptions().remember_s * 1e6:
                    raise ConfigError(
                        f"track {track} is another person in this database,"
                        f" seen {apart_us / 1e6:.0f} s apart from the one in the export",
                        hint="import it under another name (--camera), or as a run of its own (--run)",
                    )
        for camera, number in numbers.items():
            persons = [track & _COUNTER for track in by_run[0] if track >> TRACK_BITS == number]
            highest = max((person for person in persons if person < _IMPORTED), default=0)
            if highest > database.last_numbers(number).person and database.is_attached(number):
                raise ConfigError(
                    f"camera {camera} is attached here and would give the numbers of these people to others",
                    hint="import it under another name (--camera), or before the camera is attached",
                )


def _seeded(store: StateStore, database: Database, cameras: Sequence[CameraSpec]) -> list[str]:
    partitions = frozenset(camera.camera_no % PARTITIONS for camera in cameras)
    known = {stage: store.load(stage, partitions) for stage in (_INGEST, _TRACK)}
    seeded = []
    for camera in cameras:
        last = database.last_numbers(camera.camera_no)
        content = {}
        if last.session and camera.name not in known[_INGEST]:
            content[_INGEST] = _reading(last.session)
        if last.person and camera.name not in known[_TRACK]:
            content[_TRACK] = beyond({}, last.person)[_TRACK]
        if content:
            place = camera.camera_no % PARTITIONS
            store.save([Snapshot(stage, camera.name, place, {}, 0, {}, each) for stage, each in content.items()])
            seeded.append(camera.name)
    return seeded


def _reading(session: int) -> bytes:
    """As if the source had been lost in that session: the next one begins behind it."""
    book = SchemaBook()
    state = AvroStateCodec(book, _INGEST, IngestState).encode(IngestState(np.empty((0, 0), np.uint8), 0))
    ingest = AvroStateCodec(book, "progress", Progress).encode(Progress(state=state))
    reading = Reading(session, 0, 0, 0, "", False, ingest)
    return AvroStateCodec(book, "reading", Reading).encode(reading)
