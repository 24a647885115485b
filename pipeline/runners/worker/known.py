"""What the registry says of each camera, kept up beside a worker's loop, for stages that treat cameras differently."""

from __future__ import annotations

import logging
import threading
from functools import partial

from pipeline.core.cameras import CameraSpec
from pipeline.core.errors import StateError
from pipeline.core.ports import Bus, BusRecord, Consumer, StateCodec
from pipeline.runners.worker.aside import read_on

log = logging.getLogger(__name__)

_POLL_S = 0.5
_LEAVE_S = 2.0


class KnownCameras:
    """Reads the topic of cameras: all of it at the start, then what comes, on a thread of its own.

    Args:
        bus: Holds the topic.
        topic: Of the cameras, compacted, by name.
        partitions: Of that topic.
        client: Name of this worker, unlike all others: each reads all of the topic.
        specs: Codec of its values.
    """

    def __init__(self, bus: Bus, topic: str, partitions: int, client: str, specs: StateCodec) -> None:
        self._bus = bus
        self._topic = topic
        self._partitions = partitions
        self._client = client
        self._codec = specs
        self._specs: dict[str, CameraSpec] = {}
        self._fresh: dict[str, CameraSpec] | None = None
        """What is read while the topic is read from its beginning: it may still say what was once."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="known-cameras", daemon=True)

    def get(self, name: str) -> CameraSpec | None:
        """What it says of a camera. For any thread."""
        return self._specs.get(name)

    def start(self) -> KnownCameras:
        """Read all of it, then follow it until `close`. Raises BusUnavailable."""
        known: dict[str, CameraSpec] = {}
        for raw in self._bus.read(self._topic, frozenset(range(self._partitions))):
            self._hear(raw, known)
        self._specs = known
        self._thread.start()
        return self

    def close(self) -> None:
        """Hear no more; before the bus is closed."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_LEAVE_S)

    def step(self, consumer: Consumer) -> None:
        """Poll once. Raises TransientError."""
        polled = consumer.poll(_POLL_S)
        for place in polled.assigned:
            consumer.seek(place, 0)
            self._fresh = {}
        known = self._specs if self._fresh is None else self._fresh
        for raw in polled.records:
            if raw.place not in polled.assigned:
                self._hear(raw, known)
        if self._fresh is not None and not polled.assigned and not any(consumer.lag().values()):
            self._specs, self._fresh = self._fresh, None

    def _hear(self, raw: BusRecord, known: dict[str, CameraSpec]) -> None:
        name = raw.key.decode(errors="replace")
        if raw.value is None:
            known.pop(name, None)
            return
        try:
            known[name] = self._codec.decode(raw.value)
        except StateError as error:
            log.error("camera %s: its record cannot be read: %s", name, error.message)

    def _run(self) -> None:
        client = f"{self._client}-known"
        group = f"posebus-known-{self._client}"
        make = partial(self._bus.consumer, client, group, [self._topic])
        read_on(make, self.step, self._ended, "changes of cameras are not heard of")
