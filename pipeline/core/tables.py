"""Many stored poses as columns: what leaves the history for files, and what comes back from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pipeline.core.types import F32, I64, U8

NEVER_US = -(1 << 60)
ALWAYS_US = 1 << 60


@dataclass(frozen=True, slots=True)
class Selection:
    """Which poses are meant.

    Attributes:
        run: Of this run alone.
        from_us, to_us: Event time in microseconds, the first within and the first after.
        cameras: Of these cameras alone, by name; empty: of all.
        tracks: Of these tracks alone; empty: of all.
    """

    run: int = 0
    from_us: int = NEVER_US
    to_us: int = ALWAYS_US
    cameras: tuple[str, ...] = ()
    tracks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CameraSpan:
    """A camera that has poses among those selected, and event times between which they all lie (both included)."""

    camera: str
    camera_no: int
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class TrackSpan:
    """A track that may have poses among those selected, and when it was first and last seen."""

    camera: str
    camera_no: int
    track_id: int
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True, eq=False)
class PoseTable:
    """N poses of one camera and skeleton, in the order of time, then of track.

    Attributes:
        camera: Its name.
        skeleton: Name of the skeleton, of K keypoints.
        at_us: (N,) int64, event time in microseconds since the epoch, UTC.
        track_id, run, session, seq: (N,) int64.
        width, height: (N,) int64, pixels of the frame; 0 where nothing is known of the frame.
        xyxy: (N, 4) float32, pixels.
        score: (N,) float32 in [0, 1].
        keypoints: (N, K, 3) float32, as in `values.Poses`.
        keypoint_score: (N, K) float32.
        world: (N, K, 3) float32, metres as in `values.Poses`; (N, 0, 3) where there are none.
        flags: (N, K) uint8, as in `values.Motions`.
        posture: (N,) uint8, index into `vocabulary.POSTURES`.
        angles: (N, A) float32, degrees, in the order of `vocabulary.ANGLES`; NaN = unknown.
    """

    camera: str
    skeleton: str
    at_us: I64
    track_id: I64
    run: I64
    session: I64
    seq: I64
    width: I64
    height: I64
    xyxy: F32
    score: F32
    keypoints: F32
    keypoint_score: F32
    world: F32
    flags: U8
    posture: U8
    angles: F32

    def __post_init__(self) -> None:
        n, k = len(self.at_us), self.keypoint_score.shape[1]
        shapes: dict[str, tuple[int, ...]] = {
            "xyxy": (n, 4),
            "keypoints": (n, k, 3),
            "keypoint_score": (n, k),
            "world": (n, k if self.world.shape[1] else 0, 3),
            "flags": (n, k),
            "angles": (n, self.angles.shape[1]),
        }
        for name in _ARRAYS:
            found = getattr(self, name).shape
            if found != shapes.get(name, (n,)):
                raise ValueError(f"PoseTable.{name}: {found}, expected {shapes.get(name, (n,))}")

    def __len__(self) -> int:
        return len(self.at_us)

    def taken(self, index: npt.NDArray[Any] | slice) -> PoseTable:
        """The poses that the index (or mask) chooses."""
        return PoseTable(self.camera, self.skeleton, *(getattr(self, name)[index] for name in _ARRAYS))


_ARRAYS = tuple(field.name for field in fields(PoseTable))[2:]


def joined(tables: Sequence[PoseTable]) -> PoseTable:
    """Tables of one camera and skeleton one below the other; all have world metres, or none has."""
    first = tables[0]
    columns = (np.concatenate([getattr(table, name) for table in tables]) for name in _ARRAYS)
    return PoseTable(first.camera, first.skeleton, *columns)


class History(Protocol):
    """Gives stored poses, a bounded number at a time."""

    def cameras(self, selection: Selection) -> Sequence[CameraSpan]:
        """Cameras with poses among those selected, by name."""
        ...

    def tracks(self, selection: Selection) -> Sequence[TrackSpan]:
        """Tracks that were seen in the time of the selection, by camera and first sight."""
        ...

    def poses(self, selection: Selection) -> Iterator[PoseTable]:
        """All poses selected, camera by camera, each in the order of time."""
        ...
