"""What travels between stages: arrays over the N people of one frame. Arrays are read-only once inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np

from pipeline.core.types import F32, I64, U8

ALL, FEWER_LOOKS, LIGHTER_MODEL = range(3)
"""How much is done for a frame, each less than the one before: less than all only while a live camera's ladder is down.
It stands in the record, so that each stage does the same with the same record."""


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """The pixels of one frame, packed or as an array.

    Attributes:
        width, height: Pixels.
        encoding: `bgr24` (data is a (H, W, 3) uint8 array), or `jpeg` (data is bytes).
        data: The pixels, by reference or packed.
    """

    width: int
    height: int
    encoding: str
    data: bytes | U8

    @property
    def nbytes(self) -> int:
        """Bytes that the pixels take in memory."""
        return len(self.data) if isinstance(self.data, bytes) else int(self.data.nbytes)


@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """A decoded picture on its way into ingest; never leaves the process that decoded it.

    Attributes:
        pixels: (H, W, 3) uint8, BGR.
        ease: How much is done for it: `ALL`, or less.
    """

    pixels: U8
    ease: int = ALL


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a camera and where in it something moved.

    Attributes:
        image: The pixels.
        motion: (M, 4) float32, xyxy boxes in pixels of the frame where it differs from the background; looked for ten
            times a second at most, the frames between have none.
        ease: How much is done for it: `ALL`; `FEWER_LOOKS`: the detector looks for people less often.
    """

    image: Image
    motion: F32
    ease: int = ALL

    def __post_init__(self) -> None:
        _FREEZE_FRAME(self)


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Where people may be, and the pixels to look at.

    Attributes:
        image: The pixels of the frame, passed on as they came.
        looked: Number of windows that the detector was run on for this frame.
        xyxy: (N, 4) float32, boxes in pixels.
        score: (N,) float32 in [0, 1].
        region: (N, 4) float32: centre x, centre y, side (pixels) and rotation (radians, 0 = upright, grows clockwise
            on the picture) of the square to look at for keypoints. Its centre is the middle of the hips where known.
        ease: How much is done for the frame: `ALL`, or less; `LIGHTER_MODEL`: keypoints by the lighter model.
    """

    image: Image
    looked: int
    xyxy: F32
    score: F32
    region: F32
    ease: int = ALL

    def __post_init__(self) -> None:
        _FREEZE_DETECTIONS(self)


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """People found in one frame, as arrays over N people and K keypoints.

    Attributes:
        skeleton: Name of the skeleton, a key of `skeletons.SKELETONS`.
        width, height: Size of the frame in pixels.
        xyxy: (N, 4) float32, the box around the keypoints, pixels of the frame, x right, y down.
        score: (N,) float32 in [0, 1]: that this is a person.
        keypoints: (N, K, 3) float32: x, y in pixels of the frame and z in pixels about the hips, smaller = nearer
            (NaN where the model gives none). NaN in x and y: not seen.
        keypoint_score: (N, K) float32 in [0, 1].
        world: (N, K, 3) float32, metres about the middle of the hips, x right, y down, z away from the camera;
            (N, 0, 3) where the model gives none.
        colour: (N, 2, 6) float32, colours of the clothes of the upper body and of the legs: mean L*, a*, b* (CIE 1976)
            and their standard deviations; NaN = not seen. (N, 0, 6) where none are taken, and after the stage `track`.
    """

    skeleton: str
    width: int
    height: int
    xyxy: F32
    score: F32
    keypoints: F32
    keypoint_score: F32
    world: F32
    colour: F32 = field(default_factory=lambda: _NO_COLOUR)

    def __post_init__(self) -> None:
        if self.colour is _NO_COLOUR:
            object.__setattr__(self, "colour", np.empty((len(self.score), 0, 6), dtype=np.float32))
        _FREEZE_POSES(self)
        k, kw = self.keypoints.shape[1], self.world.shape[1]
        if self.keypoint_score.shape[1] != k or kw not in (0, k):
            raise ValueError(
                f"keypoints {self.keypoints.shape}, scores {self.keypoint_score.shape}, world {self.world.shape}"
            )

    def __len__(self) -> int:
        return len(self.score)


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Poses with an identity.

    Attributes:
        poses: The people of the frame, N of them.
        track_id: (N,) int64, camera_no << 48 | a counter of the camera.
    """

    poses: Poses
    track_id: I64

    def __post_init__(self) -> None:
        _FREEZE_TRACKS(self)
        if len(self.track_id) != len(self.poses):
            raise ValueError(f"{len(self.poses)} poses with {len(self.track_id)} track ids")


FILLED = 1
DOUBTFUL = 2


@dataclass(frozen=True, slots=True, eq=False)
class Motions:
    """Smoothed poses in the units of storage (see `units`): what is stored, replayed and analysed.

    Attributes:
        poses: The people of the frame, N of them.
        track_id: (N,) int64.
        flags: (N, K) uint8, bits FILLED (guessed over a gap) and DOUBTFUL (implausible, kept with its score).
    """

    poses: Poses
    track_id: I64
    flags: U8

    def __post_init__(self) -> None:
        _FREEZE_MOTIONS(self)
        if len(self.track_id) != len(self.poses) or self.flags.shape != self.poses.keypoint_score.shape:
            raise ValueError(
                f"{len(self.poses)} poses with {len(self.track_id)} track ids and flags {self.flags.shape}"
            )


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, decided once.

    Attributes:
        event_id: uuid5 of what it is (run, camera, session, kind, track and number): the same input gives the same id.
        kind: rep, fall, posture ... (`vocabulary.EVENT_KINDS`).
        label: What of the kind: squat; suspected, confirmed, recovered; sit ...
        track_id: Whose, or None for an event of the camera.
        at_us: When it began, event time in microseconds.
        end_us: When it ended, or None.
        value: The number that people ask for: repetition number, seconds on the floor ...; None where there is none.
        evidence: The numbers that decided it.
    """

    event_id: UUID
    kind: str
    label: str
    track_id: int | None
    at_us: int
    end_us: int | None
    value: float | None
    evidence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """What was measured on the people of one frame, and what happened in it.

    Attributes:
        track_id: (N,) int64.
        posture: (N,) uint8, index into `vocabulary.POSTURES`.
        angles: (N, A) float32, degrees, in the order of `vocabulary.ANGLES`; NaN = unknown.
        scalars: (N, M) float32, in the order of `vocabulary.MEASURES`; NaN = unknown.
        events: The events decided in this frame, also sent one by one to the topic `events`.
    """

    track_id: I64
    posture: U8
    angles: F32
    scalars: F32
    events: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        _FREEZE_MEASURES(self)


@dataclass(frozen=True, slots=True)
class Transition:
    """A step in the life of an incident.

    Attributes:
        incident_id: uuid5 of run, camera, rule and the event that opened it.
        version: 1 for `new`, and one more for each step after.
        state: new, update or end.
        rule, severity: Which rule, and info, warning or critical.
        track_id: Whom it concerns, or None for the camera.
        started_at_us: When the incident began, event time.
        at_us: When this step happened, event time.
        event_id: The event that led to this step, or None for one by the clock.
        text: One sentence for people.
        evidence: The numbers of the event behind it.
        zone: The zone that it concerns, of rules with scope zone; else empty.
    """

    incident_id: UUID
    version: int
    state: str
    rule: str
    severity: str
    track_id: int | None
    started_at_us: int
    at_us: int
    event_id: UUID | None
    text: str
    evidence: Mapping[str, float] = field(default_factory=dict)
    zone: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that a stage could not use, with all that is needed to see why.

    Attributes:
        letter_id: uuid5 of stage, topic, key and content: the same record gives the same letter.
        stage: Who refused it.
        reason: Class of the error, such as DecodeError.
        error: Its sentence.
        topic, partition, offset, key: Where it stood.
        sha256: Of its value.
        content: Its value; empty for a record of a pixel topic.
    """

    letter_id: UUID
    stage: str
    reason: str
    error: str
    topic: str
    partition: int
    offset: int
    key: bytes
    sha256: bytes
    content: bytes


class _Array(NamedTuple):
    """What an array of a value must be: `ndim` axes, the last of size `last` unless that is None."""

    name: str
    dtype: np.dtype[Any]
    ndim: int
    last: int | None = None


_FLOAT, _INT, _BYTE = np.dtype(np.float32), np.dtype(np.int64), np.dtype(np.uint8)
_BOXES, _SCORE, _TRACK_ID = _Array("xyxy", _FLOAT, 2, 4), _Array("score", _FLOAT, 1), _Array("track_id", _INT, 1)


def _freezing(*arrays: _Array) -> Callable[[object], None]:
    """The function that checks the arrays of a value, all of which are over the same people, and makes them read-only
    (never a copy).

    Its source is written out and compiled once, as `dataclasses` does it: every value of every stage goes through it.
    For one array it reads

        def freeze(value):
            xyxy = value.xyxy
            shape = xyxy.shape
            if xyxy.dtype != xyxy_dtype or len(shape) != 2 or shape[1] != 4: refuse(value)
            length = shape[0]
            if xyxy.flags.writeable:
                xyxy = xyxy.view()
                xyxy.setflags(False)
                put(value, "xyxy", xyxy)
    """

    def refuse(value: object) -> None:
        length: int | None = None
        for name, dtype, ndim, last in arrays:
            array = getattr(value, name)
            shape = array.shape
            if array.dtype != dtype or len(shape) != ndim or (last is not None and shape[-1] != last):
                expected = (None,) * ndim if last is None else (*(None,) * (ndim - 1), last)
                raise ValueError(f"{type(value).__name__}.{name}: {array.dtype} {shape}, expected {dtype} {expected}")
            if length is not None and shape[0] != length:
                raise ValueError(f"{type(value).__name__}.{name}: {shape[0]} of them, {arrays[0].name} has {length}")
            length = shape[0]

    lines = ["def freeze(value):"]
    for i, (name, _, ndim, last) in enumerate(arrays):
        wrong = [f"{name}.dtype != {name}_dtype", f"len(shape) != {ndim}"]
        wrong += [f"shape[{ndim - 1}] != {last}"] * (last is not None) + ["shape[0] != length"] * (i > 0)
        lines += [f"{name} = value.{name}", f"shape = {name}.shape", f"if {' or '.join(wrong)}: refuse(value)"]
        lines += ["length = shape[0]"] * (i == 0)
    for name, *_ in arrays:
        view = [f"{name} = {name}.view()", f"{name}.setflags(False)", f"put(value, {name!r}, {name})"]
        lines += [f"if {name}.flags.writeable:", *(f"    {line}" for line in view)]
    scope: dict[str, Any] = {f"{each.name}_dtype": each.dtype for each in arrays}
    scope |= {"refuse": refuse, "put": object.__setattr__}
    exec("\n    ".join(lines), scope)
    function: Callable[[object], None] = scope["freeze"]
    return function


_FREEZE_FRAME = _freezing(_Array("motion", _FLOAT, 2, 4))
_FREEZE_DETECTIONS = _freezing(_BOXES, _SCORE, _Array("region", _FLOAT, 2, 4))
_FREEZE_POSES = _freezing(
    *(_BOXES, _SCORE, _Array("keypoints", _FLOAT, 3, 3)),
    *(_Array("keypoint_score", _FLOAT, 2), _Array("world", _FLOAT, 3, 3), _Array("colour", _FLOAT, 3, 6)),
)
_NO_COLOUR: F32 = np.empty((0, 0, 6), dtype=np.float32)
_FREEZE_TRACKS = _freezing(_TRACK_ID)
_FREEZE_MOTIONS = _freezing(_TRACK_ID, _Array("flags", _BYTE, 2))
_FREEZE_MEASURES = _freezing(
    *(_TRACK_ID, _Array("posture", _BYTE, 1)), *(_Array("angles", _FLOAT, 2), _Array("scalars", _FLOAT, 2))
)
