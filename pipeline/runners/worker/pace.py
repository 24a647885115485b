"""Keeps recorded cameras from running ahead of the stages: what retention deletes unread would be lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from pipeline.core.numbering import Mark, Progress
from pipeline.core.ports import Bus, Consumer, StateCodec

MOST_FRAMES = 64
MOST_BYTES = 16 * 2**20


class Pace:
    """Knows how far a later stage has come with each camera, out of the snapshots in its changelog.

    A snapshot says what is done for good: what comes before it is never read again. A neighbour in the same partition
    is not held up, as it would be by pausing partitions.

    Args:
        bus: Holds the changelog.
        topic: The changelog of the stage that is waited for.
        client: Name of this worker, unlike all others: each reads the whole changelog.
        progress: Codec of `Progress`.
    """

    def __init__(self, bus: Bus, topic: str, client: str, progress: StateCodec) -> None:
        self._consumer: Consumer = bus.consumer(client, f"posebus-pace-{client}", [topic])
        self._progress = progress
        self._reached: dict[str, Mark] = {}
        self._sent: dict[str, deque[tuple[Mark, int]]] = {}
        self._bytes: dict[str, int] = {}

    def follow(self) -> None:
        """Read what is new in the changelog."""
        for record in self._consumer.poll(0.0, 500).records:
            if record.value is None:
                continue
            progress: Progress = self._progress.decode(record.value)
            camera = record.key.decode().rsplit("@", 1)[0]
            if progress.frame is not None:
                self._reached[camera] = max(self._reached.get(camera, progress.frame), progress.frame)

    def sent(self, camera: str, frame: Mark, nbytes: int) -> None:
        """Note a frame that went to the bus."""
        self._sent.setdefault(camera, deque()).append((frame, nbytes))
        self._bytes[camera] = self._bytes.get(camera, 0) + nbytes

    def room(self, camera: str) -> int:
        """How many frames may be sent now."""
        waiting = self._sent.get(camera)
        if not waiting:
            return MOST_FRAMES
        reached = self._reached.get(camera)
        while waiting and reached is not None and waiting[0][0] <= reached:
            self._bytes[camera] -= waiting.popleft()[1]
        # The next frame will be about as large as the last one.
        if waiting and self._bytes[camera] + waiting[-1][1] > MOST_BYTES:
            return 0
        return MOST_FRAMES - len(waiting)

    def ahead(self) -> Mapping[str, int]:
        """Frames sent that the stage has not done, by camera."""
        return {camera: len(waiting) for camera, waiting in self._sent.items()}

    def forget(self, camera: str) -> None:
        """The camera belongs to another worker, or is taken up anew."""
        self._sent.pop(camera, None)
        self._bytes.pop(camera, None)

    def close(self) -> None:
        """Leave the bus."""
        self._consumer.close()
