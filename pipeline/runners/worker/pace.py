"""Keeps recorded cameras from running ahead of the stages: what retention deletes unread would be lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.core.numbering import Mark, Progress
from pipeline.core.ports import Bus, BusRecord, Consumer, Position, StateCodec

MOST_FRAMES = 64
MOST_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class _Sent:
    """A frame that went to the bus."""

    mark: Mark
    at_us: int
    nbytes: int

    def done(self, mark: Mark, at_us: int) -> bool:
        """The stage is behind it; what is sent again it may have taken in the session before."""
        return self.mark <= mark or self.at_us <= at_us


class Pace:
    """Knows how far a later stage has come with each camera, out of the snapshots in its changelog.

    A snapshot says what is done for good: what comes before it is never read again. A neighbour in the same partition
    is not held up, as it would be by pausing partitions.

    Args:
        bus: Holds the changelog.
        topic: The changelog of the stage that is waited for; all of it is read before anything is sent.
        partitions: So many it has.
        client: Name of this worker, unlike all others: each reads the whole changelog.
        progress: Codec of `Progress`.
        resend_s: When the stage has not come further for so long, what is on its way to it counts as lost.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        bus: Bus,
        topic: str,
        partitions: int,
        client: str,
        progress: StateCodec,
        *,
        resend_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._progress = progress
        self._resend_s = resend_s
        self._clock = clock
        self._reached: dict[str, tuple[Mark, int]] = {}
        """The last frame that is done for good, and its event time."""
        self._waits: dict[str, tuple[int, float]] = {}
        """The frame that a camera waits for, and since when."""
        self._sent: dict[str, deque[_Sent]] = {}
        self._bytes: dict[str, int] = {}
        for record in bus.read(topic, frozenset(range(partitions))):
            self._note(record)
        self._consumer: Consumer = bus.consumer(client, f"posebus-pace-{client}", [topic])

    def follow(self) -> None:
        """Read what is new in the changelog."""
        for record in self._consumer.poll(0.0, 500).records:
            self._note(record)

    def sent(self, camera: str, frame: Mark, at_us: int, nbytes: int) -> None:
        """Note a frame that went to the bus, and its event time."""
        self._sent.setdefault(camera, deque()).append(_Sent(frame, at_us, nbytes))
        self._bytes[camera] = self._bytes.get(camera, 0) + nbytes

    def room(self, camera: str, start_us: int, position: Position) -> int:
        """How many frames may be sent now; the arguments are those of `lost`."""
        waiting = self._sent.get(camera, ())
        reached = self._reached.get(camera)
        while waiting and reached is not None and waiting[0].done(*reached):
            self._bytes[camera] -= waiting.popleft().nbytes
        # The next frame will be about as large as the last one.
        if waiting and self._bytes[camera] + waiting[-1].nbytes > MOST_BYTES:
            return 0
        expected = self._expected(camera, start_us, position)
        # Another worker may have sent some of them.
        return MOST_FRAMES - (len(waiting) if expected is None else position.seq - expected[0])

    def lost(self, camera: str, start_us: int, position: Position) -> Position | None:
        """Where to read on in a session of its own, when what was sent from there on never arrived; else None.

        Args:
            start_us: Event time of the picture at 0 of what is read.
            position: Behind the last frame that was sent.
        """
        expected = self._expected(camera, start_us, position)
        if expected is None:
            return None
        seq, last_us = expected
        if position.seq <= seq:
            self._waits.pop(camera, None)
            return None
        now = self._clock()
        frame, since = self._waits.setdefault(camera, (seq, now))
        if frame != seq:
            self._waits[camera] = seq, now
        elif now - since >= self._resend_s:
            del self._waits[camera]
            return Position(position.session + 1, seq, last_us, position.fingerprint)
        return None

    def ahead(self) -> Mapping[str, int]:
        """Frames sent that the stage has not done, by camera."""
        return {camera: len(waiting) for camera, waiting in self._sent.items()}

    def forget(self, camera: str) -> None:
        """The camera belongs to another worker, or is taken up anew."""
        self._sent.pop(camera, None)
        self._bytes.pop(camera, None)
        self._waits.pop(camera, None)

    def _expected(self, camera: str, start_us: int, position: Position) -> tuple[int, int] | None:
        """Number of the frame that the stage takes next, and the event time of the one before; None: nobody knows."""
        if camera not in self._reached:
            # More than it may be ahead was sent, so the stage was further: its changelog was made anew.
            return (0, 0) if position.seq <= MOST_FRAMES else None
        mark, at_us = self._reached[camera]
        if not at_us:
            return None  # kept by a version that did not note times
        # Of what was read before, an event time lies before the start.
        return (mark.n + 1, at_us) if at_us >= start_us else (0, 0)

    def _note(self, record: BusRecord) -> None:
        if record.value is None:
            return
        progress: Progress = self._progress.decode(record.value)
        camera = record.key.decode().rsplit("@", 1)[0]
        done = progress.frame or Mark(0, -1), progress.frame_us
        self._reached[camera] = max(self._reached.get(camera, done), done)

    def close(self) -> None:
        """Leave the bus."""
        self._consumer.close()
