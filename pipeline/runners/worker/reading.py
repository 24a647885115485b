"""How far the source of a camera has been read: what an ingest worker keeps between checkpoints."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.ports import Position


@dataclass(slots=True)
class Reading:
    """Where the source of a camera has been read to, and what ingest knew there.

    Attributes:
        session: Of the last connection.
        seq: Number of the next picture in it.
        start_us: Event time of the picture at 0 of a recorded source; 0 for a live one.
        last_captured_at_us: Event time of the last frame; 0 before the first.
        fingerprint: Of the source's content; empty for a live one.
        finished: The source has ended and all of it was sent.
        ingest: Progress and state of ingest (`Driver.content`).
    """

    session: int
    seq: int
    start_us: int
    last_captured_at_us: int
    fingerprint: str
    finished: bool
    ingest: bytes

    @classmethod
    def of(cls, at: Position, start_us: int, ingest: bytes) -> Reading:
        """Behind the last record that was taken."""
        return cls(at.session, at.seq, start_us, at.last_captured_at_us, at.fingerprint, at.finished, ingest)

    @property
    def position(self) -> Position:
        """Where to read on, if the source is still the same."""
        return Position(self.session, self.seq, self.last_captured_at_us, self.fingerprint, self.finished)
