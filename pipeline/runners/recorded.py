"""Records out of the pictures of a recorded source: stamps, and a tick for each second of its event time."""

from __future__ import annotations

from dataclasses import replace

from pipeline.core.ports import Picture, Position, Source
from pipeline.core.records import Record, Stamp, Tick
from pipeline.core.values import Captured

TICK_US = 1_000_000


class RecordedCamera:
    """A camera whose pictures come from a source that can be read again: picture k gives the same records each time.

    Args:
        run: 0 for the live system.
        start_us: Event time of the source's picture at 0, microseconds since the epoch.
        position: Where it begins; kept up as it goes on.
    """

    def __init__(self, run: int, name: str, number: int, start_us: int, position: Position) -> None:
        self._run = run
        self._name = name
        self._number = number
        self._start_us = start_us
        self.position = position

    def take(self, picture: Picture) -> list[Record[Captured | Tick]]:
        """The frame, and before it a tick where a new second of event time has begun."""
        last = self.position.last_captured_at_us
        captured_at = max(self._start_us + picture.pts_us, last + 1)
        records: list[Record[Captured | Tick]] = []
        if last and captured_at // TICK_US > last // TICK_US and picture.seq > 0:
            records.append(self._tick("live", captured_at))
        records.append(Record(self._stamp(picture.seq, captured_at), Captured(picture.pixels)))
        self.position = replace(self.position, seq=picture.seq + 1, last_captured_at_us=captured_at)
        return records

    def end(self) -> list[Record[Captured | Tick]]:
        """The last tick of a source that has ended."""
        at_us = self.position.last_captured_at_us + 1
        record = self._tick("ended", at_us)
        self.position = replace(self.position, finished=True, last_captured_at_us=at_us)
        return [record]

    def _tick(self, state: str, at_us: int) -> Record[Captured | Tick]:
        return Record(self._stamp(self.position.seq, at_us), Tick(state))

    def _stamp(self, seq: int, at_us: int) -> Stamp:
        # A file has no arrival: its event time stands for it, so that the same file gives the same bytes.
        return Stamp(self._run, self._name, self._number, self.position.session, 0, seq, at_us, at_us, "file")


def fingerprint_of(source: Source, fps: float | None) -> str:
    """Of what is read: the same content thinned out is another one, for its frames have other numbers."""
    return source.info.fingerprint + (f"@{fps:g}fps" if fps else "")
