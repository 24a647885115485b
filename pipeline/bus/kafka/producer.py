"""The producer: every record is checked before it is sent, and every send is heard of at the flush."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any

import kafka
from kafka import errors

from pipeline.bus.kafka.link import Link
from pipeline.bus.kafka.settings import LINGER_MS, MIB, PRODUCER, RECORDED_LINGER_MS
from pipeline.bus.kafka.topics import TopicFacts
from pipeline.core.errors import BusUnavailable, ConfigError, InvalidRecord
from pipeline.core.headers import is_live
from pipeline.core.ports import Outgoing

IN_FLIGHT_BYTES = 32 * MIB
_CLOSE_S = 1.0
_LIVE_S = 1.0
"""After a record of a live camera the next ones are taken for its neighbours."""


class KafkaProducer:
    """Sends records. Threads may share it.

    A send that failed, or a flush that took too long, is the end of it: kafka-python's producer then fails or holds
    whatever comes after. What follows is not sent, each flush raises, and the work goes on with a new one.

    Args:
        facts: What the cluster knows of a topic.
        in_flight_bytes: So much may wait to be taken by the cluster; then `send` waits.
    """

    def __init__(
        self,
        link: Link,
        client: str,
        facts: Callable[[str], TopicFacts],
        *,
        compression: str | None = None,
        in_flight_bytes: int = IN_FLIGHT_BYTES,
        delivery_timeout_s: float | None = None,
    ) -> None:
        self._link = link
        self._client = client
        self._facts = facts
        self._known: dict[str, tuple[str, TopicFacts]] = {}
        self._bound = in_flight_bytes
        self._lock = Lock()
        self._futures: deque[tuple[Any, int]] = deque()
        self._in_flight = 0
        self._failure: str | None = None
        self._closed = False
        self._live_until = 0.0
        settings = PRODUCER | {"compression_type": compression}
        if delivery_timeout_s is not None:
            settings["delivery_timeout_ms"] = int(delivery_timeout_s * 1000)
        self._patience_s = settings["delivery_timeout_ms"] / 1000
        self._inner = link.connect(kafka.KafkaProducer, client, settings)

    @property
    def in_flight_bytes(self) -> int:
        """What waits to be taken by the cluster, as of the last send or flush."""
        return self._in_flight

    def send(self, outgoing: Outgoing) -> None:
        """Queue one record. Raises ConfigError, InvalidRecord; BusUnavailable when too much waits for too long."""
        self._check_open()
        known = self._known.get(outgoing.topic)
        if known is None:
            known = self._known[outgoing.topic] = self._link.full(outgoing.topic), self._facts(outgoing.topic)
        name, facts = known
        size = _checked(facts, outgoing)
        with self._lock:
            if self._failure is not None:
                return
            self._settle()
            if self._in_flight and self._in_flight + size > self._bound:
                self._make_room(size)
            self._mind_age(outgoing)
            try:
                future = self._inner.send(
                    name, outgoing.value, outgoing.key, list(outgoing.headers), outgoing.partition
                )
            except errors.KafkaError as error:
                self._fail(f"{facts.name}: {_told(error)}")
                raise self._unavailable() from error
            self._futures.append((future, size))
            self._in_flight += size

    def flush(self, timeout_s: float) -> None:
        """Wait for all sends. Raises BusUnavailable if any failed, and at every flush from then on."""
        self._check_open()
        with self._lock:
            if self._failure is None:
                try:
                    self._inner.flush(timeout_s)
                except errors.KafkaError:
                    self._settle()
                    self._fail(f"{len(self._futures)} sends are not through after {timeout_s:g} s")
                else:
                    self._settle()
                    if self._futures and self._failure is None:
                        # A flush of kafka-python returns when batches end, whatever became of a record.
                        self._fail(f"{len(self._futures)} sends are neither done nor failed")
            if self._failure is not None:
                raise self._unavailable()

    def close(self) -> None:
        """Give up what was not flushed."""
        if self._closed:
            return
        self._closed = True
        with self._lock:
            discard(self._inner)
            self._futures.clear()

    def _mind_age(self, outgoing: Outgoing) -> None:
        """Let records wait for others while all of them are of recordings."""
        now = time.monotonic()
        if is_live(outgoing):
            self._live_until = now + _LIVE_S
        linger_ms = LINGER_MS if now < self._live_until else RECORDED_LINGER_MS
        # The accumulator reads this one anew in each round of the sender (tests/integration/kafka/test_sending.py).
        self._inner._accumulator.config["linger_ms"] = linger_ms

    def _settle(self) -> None:
        """Forget the sends that are through; remember the first that failed."""
        futures = self._futures
        while futures and futures[0][0].is_done:
            future, size = futures.popleft()
            self._in_flight -= size
            if future.exception is not None:
                self._fail(_told(future.exception))
                return

    def _make_room(self, size: int) -> None:
        deadline = time.monotonic() + self._patience_s
        while self._futures and self._in_flight + size > self._bound:
            with suppress(errors.KafkaError):  # what failed is found by _settle
                self._futures[0][0].get(max(deadline - time.monotonic(), 0.001))
            self._settle()
            if self._failure is None and time.monotonic() > deadline:
                self._fail(f"{self._in_flight} bytes are not through after {self._patience_s:g} s")
            if self._failure is not None:
                raise self._unavailable()

    def _fail(self, what: str) -> None:
        if self._failure is None:
            self._failure = what
            discard(self._inner)

    def _unavailable(self) -> BusUnavailable:
        return BusUnavailable(
            f"{self._client} could not send to Kafka at {', '.join(self._link.servers)}: {self._failure}",
            hint="go back to the last checkpoint with a new producer",
        )

    def _check_open(self) -> None:
        if self._closed:
            raise BusUnavailable(f"the producer {self._client} is closed")


def discard(inner: Any) -> None:
    """End a producer of kafka-python at once: what waits is given up, not sent behind the back of the next one."""
    inner._sender.force_close()
    with suppress(errors.KafkaError):
        inner.close(timeout=_CLOSE_S)
    inner._closed = True  # or it would wait once more when it is collected


def _checked(facts: TopicFacts, outgoing: Outgoing) -> int:
    """Bytes of the record. What a broker refuses would be the end of the producer."""
    if not 0 <= outgoing.partition < facts.partitions:
        raise ConfigError(f"{facts.name} has {facts.partitions} partitions, no number {outgoing.partition}")
    if outgoing.attachment is not None:
        raise ValueError(f"{facts.name}: pixels by reference do not leave the process")
    if facts.compacted and not outgoing.key:
        raise InvalidRecord(f"{facts.name} is compacted, and the record has no key", hint="give it one")
    size = len(outgoing.key) + len(outgoing.value or b"")
    for name, content in outgoing.headers:
        size += len(name) + len(content)
    if size > facts.max_bytes:
        raise InvalidRecord(
            f"{facts.name} takes records of {facts.max_bytes} bytes, this one has {size}",
            hint="make the pictures smaller, or raise the topic's max.message.bytes",
        )
    return size


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
