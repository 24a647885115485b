"""Runs a clip through the track stage and says who got which number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.core.records import Record
from pipeline.core.values import Poses, Tracks
from stages.track import TrackStage, TrackState
from tests.builders import Clip


@dataclass(frozen=True)
class Followed:
    """What came out, one `Tracks` for each record of the clip."""

    clip: Clip
    tracks: list[Tracks]
    state: TrackState

    def ids_of_person(self, person: int) -> list[int]:
        """Numbers that the person got, in the frames that report it; they are told apart by their boxes."""
        found = []
        for record, persons, tracks in zip(self.clip.records, self.clip.persons, self.tracks, strict=True):
            boxes = {box.tobytes(): i for box, i in zip(record.value.xyxy, persons, strict=True)}
            for box, track_id in zip(tracks.poses.xyxy, tracks.track_id.tolist(), strict=True):
                if boxes[box.tobytes()] == person:
                    found.append(track_id)
        return found

    @property
    def numbers(self) -> set[int]:
        """All numbers given."""
        return {track_id for tracks in self.tracks for track_id in tracks.track_id.tolist()}


def follow(clip: Clip, stage: TrackStage | None = None) -> Followed:
    stage = stage or TrackStage()
    state = stage.initial_state("door")
    tracks, state = steps(stage, state, clip.records)
    return Followed(clip, tracks, state)


def steps(stage: TrackStage, state: TrackState, records: Iterable[Record[Poses]]) -> tuple[list[Tracks], TrackState]:
    tracks = []
    for record in records:
        state, outputs = stage.step(state, record)
        assert len(outputs) == 1
        tracks.append(outputs[0])
    return tracks, state
