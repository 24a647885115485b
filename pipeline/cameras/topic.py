"""The registry of cameras in a compacted topic of a bus."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.core.ports import Bus, Outgoing, StateCodec

_FLUSH_S = 30.0


class CameraTopic:
    """Reads and writes the topic; implements `CameraStore`.

    Args:
        bus: Whose topics exist.
        specs, statuses: Codecs.
        topic: Of the cameras, compacted, by name.
        status_topic: Of how they are.
        partitions: Of both; a camera's partition is camera_no % partitions.
        number: Issues the number of a camera.
    """

    def __init__(
        self,
        bus: Bus,
        specs: StateCodec,
        statuses: StateCodec,
        *,
        topic: str,
        status_topic: str,
        partitions: int,
        number: Callable[[str], int],
        client: str = "cameras",
    ) -> None:
        self._bus = bus
        self._specs = specs
        self._statuses = statuses
        self._topic = topic
        self._status_topic = status_topic
        self._partitions = partitions
        self._number = number
        self._client = client

    def cameras(self) -> Sequence[CameraSpec]:
        """All of them, by name. Raises BusUnavailable, StateError."""
        found: dict[bytes, CameraSpec] = {}
        for raw in self._bus.read(self._topic, frozenset(range(self._partitions))):
            if raw.value is None:
                found.pop(raw.key, None)
            else:
                found[raw.key] = self._specs.decode(raw.value)
        return sorted(found.values(), key=lambda spec: spec.name)

    def put(self, spec: CameraSpec) -> None:
        """Add a camera, or change it. Raises BusUnavailable."""
        self._send(self._topic, spec.camera_no, spec.name, self._specs.encode(spec))

    def remove(self, name: str) -> bool:
        """Take a camera out. Raises BusUnavailable."""
        known = next((spec for spec in self.cameras() if spec.name == name), None)
        if known is None:
            return False
        self._send(self._topic, known.camera_no, name, None)
        return True

    def note(self, statuses: Sequence[CameraStatus]) -> None:
        """Tell how cameras are. Raises BusUnavailable."""
        producer = self._bus.producer(self._client)
        try:
            for status in statuses:
                place = status.camera_no % self._partitions
                producer.send(Outgoing(self._status_topic, place, status.name.encode(), self._statuses.encode(status)))
            producer.flush(_FLUSH_S)
        finally:
            producer.close()

    def statuses(self) -> Sequence[CameraStatus]:
        """The last of each camera. Raises BusUnavailable, StateError."""
        found: dict[bytes, CameraStatus] = {}
        for raw in self._bus.read(self._status_topic, frozenset(range(self._partitions))):
            if raw.value is not None:
                status: CameraStatus = self._statuses.decode(raw.value)
                found[raw.key] = status.after(found.get(raw.key))
        return sorted(found.values(), key=lambda status: status.name)

    def camera_no(self, name: str) -> int:
        """The number of a camera, issued when it is new."""
        return self._number(name)

    def _send(self, topic: str, number: int, name: str, value: bytes | None) -> None:
        producer = self._bus.producer(self._client)
        try:
            producer.send(Outgoing(topic, number % self._partitions, name.encode(), value))
            producer.flush(_FLUSH_S)
        finally:
            producer.close()
