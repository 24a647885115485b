"""The barrier: a mark in a camera's stream at which every stage leaves the camera's state for a consistent cut."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.core.ports import BusRecord, Outgoing, Position

_HEADER = "barrier"


@dataclass(frozen=True, slots=True, eq=False)
class Barrier:
    """One cut on its way through the stages; only ever held by the stage that it has reached.

    Attributes:
        run: 0 for the live system.
        number: Of the cut, per camera; grows.
        position: Where the camera's source stood.
        last: Nothing of this camera comes after it.
        snapshots: State of each stage that it has passed.
    """

    run: int
    camera: str
    camera_no: int
    number: int
    position: Position
    last: bool = False
    snapshots: dict[str, bytes] = field(default_factory=dict)

    def to(self, topic: str, partition: int) -> Outgoing:
        """The barrier as a record of `topic`; it carries no bytes, for it never leaves the process."""
        header = ((_HEADER, str(self.number).encode()),)
        return Outgoing(topic, partition, self.camera.encode(), b"", header, self)


def barrier_of(record: BusRecord) -> Barrier | None:
    """The barrier that this record is, or None."""
    if record.headers and record.headers[0][0] == _HEADER and isinstance(record.attachment, Barrier):
        return record.attachment
    return None
