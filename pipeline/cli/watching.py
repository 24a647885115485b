"""Reads what `posebus top` shows, on threads of its own: a broker that is away never holds up the terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from pipeline.bus.kafka import KafkaBus
from pipeline.cli.overview import RATE_S, Overview, Picture
from pipeline.core.errors import InvalidRecord, PosebusError, TransientError
from pipeline.core.ports import BusRecord, RecordCodec
from pipeline.topics import PARTITIONS

TOPIC = "motions"
"""Every frame, tick and drop of every camera ends there."""

_LAST = 50
"""So many records of each partition tell how cameras were before the watching began."""
_RETRY_S = 1.0


class Watching:
    """Follows an installation until it is closed.

    Args:
        codec: Of `motions`.
        open_bus: Makes a bus; each thread has its own.
        readers: Gives the topics that groups read, out of the groups that are there.
        every_s: Between two looks at the groups.
    """

    wait_s = RATE_S
    """So long it has to watch until rates can be told."""

    def __init__(
        self,
        codec: RecordCodec,
        open_bus: Callable[[], KafkaBus],
        readers: Callable[[Sequence[str]], Mapping[str, Sequence[str]]],
        *,
        every_s: float = 1.0,
    ) -> None:
        self._codec = codec
        self._open_bus = open_bus
        self._readers = readers
        self._every_s = every_s
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._failure: PosebusError | None = None
        self._overview = Overview(time.monotonic())
        self._ready = threading.Event()
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), daemon=True) for work in (self._look, self._follow)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def ready(self) -> threading.Event:
        """Set once the groups were looked at."""
        return self._ready

    def picture(self) -> Picture:
        """How it is now. Raises ConfigError where the installation cannot be watched."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            return self._overview.picture(time.monotonic(), time.time_ns() // 1000)

    def close(self) -> None:
        """Stop watching; a question that waits for a broker is left behind."""
        self._stop.set()
        for thread in self._threads:
            thread.join(1.0)

    def _guarded(self, work: Callable[[KafkaBus], None]) -> None:
        while not self._stop.is_set():
            bus = None
            try:
                bus = self._open_bus()
                work(bus)
            except TransientError as error:
                with self._lock:
                    self._overview.failed(error.message, time.monotonic())
                self._stop.wait(_RETRY_S)
            except PosebusError as error:
                with self._lock:
                    self._failure = error
                self._ready.set()
                return
            finally:
                if bus is not None:
                    bus.close()

    def _look(self, bus: KafkaBus) -> None:
        while not self._stop.is_set():
            there = bus.groups()
            reads = self._readers(there)
            groups = sorted({*there, *reads})
            backlogs = bus.backlogs(groups, reads=reads)
            members = {group: bus.members(group) for group in groups}
            with self._lock:
                self._overview.looked(backlogs, members, time.monotonic())
            self._ready.set()
            self._stop.wait(self._every_s)

    def _follow(self, bus: KafkaBus) -> None:
        partitions = frozenset(range(PARTITIONS))
        # What lies there already says how cameras were, and is no part of any rate.
        for raw in bus.follow(TOPIC, partitions, last=_LAST, endless=False):
            self._take(raw, new=False)
            if self._stop.is_set():
                return
        for raw in bus.follow(TOPIC, partitions):
            self._take(raw, new=True)
            if self._stop.is_set():
                return

    def _take(self, raw: BusRecord | None, *, new: bool) -> None:
        if raw is None:
            return
        try:
            record = self._codec.decode(raw.value or b"")
        except InvalidRecord:  # the sink keeps it as a dead letter
            return
        with self._lock:
            self._overview.took(record, time.monotonic(), new=new)
