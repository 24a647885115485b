"""The record: one value with the stamp that says whose, when and which it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Clock = Literal["file", "arrival", "rtcp"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Identity and times of a record.

    Attributes:
        run: 0 for the live system; a replay or backtest has its own.
        camera: Name of the camera; the key of all state.
        camera_no: Its number, 1..32767, issued once by the camera registry.
        session: Raised by ingest at each new connection; only grows.
        n: Number of the record per camera, topic and session, from 0, given by the driver.
        seq: Frame number within the session, from 0.
        captured_at_us: Event time, microseconds since the epoch, UTC. Never goes back per camera.
        arrived_at_us: When the pixels reached us, microseconds since the epoch, UTC.
        clock: Which clock captured_at_us comes from.
    """

    run: int
    camera: str
    camera_no: int
    session: int
    n: int
    seq: int
    captured_at_us: int
    arrived_at_us: int
    clock: Clock

    def numbered(self, n: int) -> Stamp:
        """The same stamp as the n-th record of a topic."""
        if n == self.n:
            return self
        # `dataclasses.replace` takes three times as long, for each record of each stage.
        return Stamp(
            self.run,
            self.camera,
            self.camera_no,
            self.session,
            n,
            self.seq,
            self.captured_at_us,
            self.arrived_at_us,
            self.clock,
        )


@dataclass(frozen=True, slots=True)
class Record(Generic[T_co]):
    """A value and its stamp, as a stage sees it. Hop times and offsets belong to the runner."""

    stamp: Stamp
    value: T_co


@dataclass(frozen=True, slots=True)
class Dropped:
    """Stands for a frame that a stage gave up: it has no pixels and passes through all later stages.

    Attributes:
        stage: Name of the stage that dropped it.
        reason: A word out of a small set, such as `late` or `invalid`.
    """

    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A second of a camera's life without pixels: drives timers when no frame comes.

    Attributes:
        state: The camera's state: live, stalled, waiting, ended ...
    """

    state: str
