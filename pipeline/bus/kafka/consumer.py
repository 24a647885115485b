"""The consumer: a member of its group that hears of changes in its polls, and hands out fair shares."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import RLock
from typing import Any

import kafka
from kafka import errors
from kafka.structs import MemberState

from pipeline.bus.kafka.failures import in_our_words, translated
from pipeline.bus.kafka.joining import join_once, keep_joins, leave_for_good
from pipeline.bus.kafka.link import Link
from pipeline.bus.kafka.settings import FETCH_MS, IDLE_FETCH_MS, buffered_bytes, member
from pipeline.bus.kafka.shares import Shares
from pipeline.bus.kafka.topics import TopicFacts
from pipeline.core.errors import BusUnavailable, ConfigError
from pipeline.core.ports import BusRecord, Polled, TopicPartition

log = logging.getLogger(__name__)

_DRAIN = 1_000_000
_SLICE_S = 0.2
_AT_ONCE_S = 0.002
_IDLE_AFTER_S = 1.0
_CLOSE_MS = 3000

_STUCK_SESSIONS = 3


class KafkaConsumer:
    """Reads the partitions that its group gives it. For one thread.

    A poll that tells of a change brings no records, so that a caller can load, seek or pause before any come.

    Args:
        facts: What the cluster knows of a topic.
        instance: Name of a static member: a worker that comes back under it within a session gets its partitions
            back, and nobody else is disturbed.
        leaves: A static member that is closed gives its partitions up at once.
    """

    def __init__(
        self,
        link: Link,
        client: str,
        group: str,
        topics: Sequence[str],
        facts: Callable[[str], TopicFacts],
        *,
        instance: str | None = None,
        leaves: bool = True,
    ) -> None:
        self._link = link
        self._client = client
        self._group = link.full(group)
        self._instance = instance
        self._leaves = leaves
        self._facts = facts
        self._topics = {name: facts(name) for name in topics}
        self._large = any(topic.large for topic in self._topics.values())
        self._lock = RLock()  # against `KafkaBus.close` from another thread
        self._shares = Shares()
        self._owned: set[TopicPartition] = set()
        self._told: set[TopicPartition] = set()
        self._paused: set[TopicPartition] = set()
        self._held_back: set[TopicPartition] = set()
        self._lost: set[TopicPartition] = set()
        self._fetched: dict[TopicPartition, int] = {}
        self._suspect = False
        self._generation = 0
        self._closed = False
        self._restless_since: float | None = None
        self._busy_until = 0.0
        self._inner: Any = self._join()

    @property
    def closed(self) -> bool:
        """Nothing comes any more."""
        return self._closed

    @property
    def buffered_bytes(self) -> int:
        """What was fetched and not yet handed out."""
        return sum(map(self._shares.nbytes, self._owned))

    def poll(self, timeout_s: float, max_records: int = 500) -> Polled:
        """What is at hand, in equal shares of the partitions that have something."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self._lock:
                self._check_open()
                polled = self._poll_once(min(max(deadline - time.monotonic(), 0.0), _SLICE_S), max_records)
            if polled.records or polled.revoked or polled.assigned or time.monotonic() >= deadline:
                return polled

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Raises BusUnavailable when a place is not ours, the group is rebalancing, or no answer comes."""
        with self._lock:
            self._check_open()
            foreign = sorted(place for place in offsets if place not in self._owned)
            if foreign:
                raise BusUnavailable(
                    f"{self._client} does not hold {foreign[0].topic}/{foreign[0].partition}: nothing was committed",
                    hint="forget what a poll tells as revoked",
                )
            if not offsets:
                return
            wanted = {self._theirs(p): kafka.structs.OffsetAndMetadata(n, "", -1) for p, n in offsets.items()}
            with translated(f"{self._client}: commit", self._link.servers):
                self._living().commit(wanted, timeout_ms=self._link.commit_s * 1000)

    def committed(self, place: TopicPartition) -> int | None:
        """The group's committed offset, or None."""
        with self._lock:
            self._check_open()
            with translated(f"{self._client}: asking for offsets", self._link.servers):
                offset = self._living().committed(self._theirs(place), timeout_ms=self._link.commit_s * 1000)
            return None if offset is None or offset < 0 else int(offset)

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Read on from `offset`; from the earliest record if there is none such. Raises ValueError if not ours."""
        with self._lock:
            self._check_open()
            if place not in self._owned:
                raise ValueError(f"seek on {place.topic}/{place.partition}, which {self._client} does not hold")
            self._shares.drop(place)
            self._fetched.pop(place, None)
            with suppress(ValueError):  # the group has taken it, and the next poll will tell
                self._living().seek(self._theirs(place), offset)

    def pause(self, places: frozenset[TopicPartition]) -> None:
        """Poll gives nothing of these until `resume`, as long as they stay ours."""
        with self._lock:
            self._check_open()
            self._paused |= places & self._owned

    def resume(self, places: frozenset[TopicPartition]) -> None:
        """Undo `pause`."""
        with self._lock:
            self._check_open()
            self._paused -= places

    def generation(self) -> int:
        """The group's generation at our last poll."""
        return self._generation

    def lag(self) -> Mapping[TopicPartition, int]:
        """Records not yet polled, of each partition that is ours; offsets that compaction left out count as well."""
        with self._lock:
            self._check_open()
            inner = self._living()
            places = {self._theirs(place): place for place in sorted(self._owned)}
            if not places:
                return {}
            with translated(f"{self._client}: asking for offsets", self._link.servers):
                ends = inner.end_offsets(list(places), timeout_ms=self._link.commit_s * 1000)
                return {place: max(ends[their] - self._position(place), 0) for their, place in places.items()}

    def close(self) -> None:
        """Leave the group."""
        with self._lock:
            if not self._closed:
                self._closed = True
                if self._inner is not None and self._leaves:
                    leave_for_good(self._inner)
                self._leave()

    def _poll_once(self, timeout_s: float, max_records: int) -> Polled:
        inner = self._living()
        self._regulate(inner)
        wait_s = 0.0 if self._shares.any(self._paused) else timeout_s
        began = time.monotonic()
        try:
            fetched = inner.poll(timeout_ms=wait_s * 1000, max_records=_DRAIN)
        except errors.KafkaError as error:
            raise in_our_words(f"{self._client}: poll", error, self._link.servers) from error
        self._note_changes()
        for their, records in fetched.items():
            self._take_in(TopicPartition(self._link.short(their.topic), their.partition), records)
        self._note_new_topics(inner)
        self._rest(inner, bool(fetched))
        self._watch(inner)
        revoked = frozenset(p for p in self._told if p in self._lost or p not in self._owned)
        assigned = frozenset(p for p in self._owned if p in self._lost or p not in self._told)
        if revoked or assigned:
            self._told = set(self._owned)
            self._lost.clear()
            return Polled((), revoked, assigned)
        if wait_s and not fetched and time.monotonic() - began < _AT_ONCE_S:
            time.sleep(min(wait_s, _AT_ONCE_S))  # while it joins, a poll of kafka-python does not wait
        return Polled(self._shares.take(max_records, self._paused))

    def _take_in(self, place: TopicPartition, records: Sequence[Any]) -> None:
        if place not in self._owned:
            return
        if records[0].offset < self._fetched.get(place, 0):
            self._suspect = True  # what we had is gone: is it another topic of the same name?
        self._fetched[place] = records[-1].offset + 1
        topic, partition = place
        self._shares.add(
            place,
            [BusRecord(topic, partition, r.offset, r.key or b"", r.value, tuple(r.headers)) for r in records],
        )

    def _note_changes(self) -> None:
        """What the listener heard, which runs on another thread and may ask the cluster nothing."""
        while self._listener.events:
            mine, places = self._listener.events.popleft()
            changed = {TopicPartition(self._link.short(their.topic), their.partition) for their in places}
            if mine:
                self._owned |= changed
            else:
                self._forget(changed)
                self._owned -= changed

    def _forget(self, places: set[TopicPartition]) -> None:
        self._lost |= places
        self._paused -= places
        self._held_back -= places
        for place in places:
            self._shares.drop(place)
            self._fetched.pop(place, None)

    def _note_new_topics(self, inner: Any) -> None:
        """A topic that was deleted and made anew is read from its beginning, though nobody rebalances for it."""
        for name, known in self._topics.items():
            seen = inner._cluster.topic_id(self._link.full(name))
            if not self._suspect and (seen is None or str(seen) == known.id):
                continue
            try:
                facts = self._facts(name)
            except ConfigError:  # deleted, and not yet there again
                continue
            if facts.id != known.id:
                self._topics[name] = facts
                places = {place for place in self._owned if place.topic == name}
                self._forget(places)
                with suppress(ValueError, AssertionError):
                    inner.seek_to_beginning(*map(self._theirs, places))
        self._suspect = False

    def _regulate(self, inner: Any) -> None:
        """Fetch nothing for partitions of which enough waits."""
        most = buffered_bytes(self._large) // max(len(self._owned), 1)
        for place in self._owned:
            waiting = self._shares.nbytes(place)
            held_back = place in self._held_back
            if waiting >= most and not held_back:
                self._hold(inner.pause, place, self._held_back.add)
            elif held_back and waiting <= most // 2:
                self._hold(inner.resume, place, self._held_back.discard)

    def _hold(self, act: Callable[..., None], place: TopicPartition, note: Callable[[TopicPartition], None]) -> None:
        with suppress(KeyError):  # the group has just taken it
            act(self._theirs(place))
            note(place)

    def _rest(self, inner: Any, fetched: bool) -> None:
        """Fetch seldom where nothing comes."""
        now = time.monotonic()
        if fetched or self._held_back:
            self._busy_until = now + _IDLE_AFTER_S
        # Of the clients' settings this one is read anew for each fetch (tests/integration/kafka/test_reading.py).
        inner._fetcher.config["fetch_max_wait_ms"] = FETCH_MS if now < self._busy_until else IDLE_FETCH_MS

    def _watch(self, inner: Any) -> None:
        """A member that does not come to rest for long is built anew: kafka-python may never tell that it is stuck."""
        group = inner.group_metadata()
        if group.state == MemberState.STABLE:
            self._restless_since = None
            self._generation = group.generation_id
        elif self._restless_since is None:
            self._restless_since = time.monotonic()
        elif time.monotonic() - self._restless_since > _STUCK_SESSIONS * self._link.session_s:
            log.warning("member is stuck and joins anew", extra={"client": self._client, "group": self._group})
            self._rebuild()

    def _rebuild(self) -> None:
        self._leave()
        self._inner = None
        self._restless_since = None
        self._forget(set(self._owned))
        self._owned.clear()

    def _living(self) -> Any:
        if self._inner is None:
            self._inner = self._join()
        return self._inner

    def _join(self) -> Any:
        self._listener = _Listener()
        settings = member(self._group, self._instance, self._large, self._link.session_s)
        inner = self._link.connect(kafka.KafkaConsumer, self._client, settings)
        try:
            # A member that learns of its topics while it joins would join twice.
            with translated(f"{self._client}: asking for topics", self._link.servers):
                for name in self._topics:
                    if not inner.partitions_for_topic(self._link.full(name)):
                        raise ConfigError(f"no topic named {self._link.full(name)}")
            keep_joins(inner)
            inner.subscribe([self._link.full(name) for name in self._topics], listener=self._listener)
            join_once(inner)
        except BaseException:
            _end(inner)
            raise
        return inner

    def _leave(self) -> None:
        if self._inner is not None:
            _end(self._inner)

    def _position(self, place: TopicPartition) -> int:
        first = self._shares.first(place)
        if first is not None:
            return first
        with suppress(errors.IllegalStateError):  # the group has just taken it
            position = self._living().position(self._theirs(place), timeout_ms=self._link.commit_s * 1000)
            if position is not None:
                return int(position)
        return 0

    def _theirs(self, place: TopicPartition) -> Any:
        return kafka.TopicPartition(self._link.full(place.topic), place.partition)

    def _check_open(self) -> None:
        if self._closed:
            raise BusUnavailable(f"the consumer {self._client} is closed")


class _Listener(kafka.ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes what happens: on the thread where it is called, most questions to the cluster would block for ever."""

    def __init__(self) -> None:
        self.events: deque[tuple[bool, set[Any]]] = deque()

    def on_partitions_revoked(self, revoked: set[Any]) -> None:
        self.events.append((False, set(revoked)))

    def on_partitions_assigned(self, assigned: set[Any]) -> None:
        self.events.append((True, set(assigned)))


def _end(inner: Any) -> None:
    try:
        inner.close(autocommit=False, timeout_ms=_CLOSE_MS)
    except (errors.KafkaError, OSError):  # it could not say good-bye, and has left its connections open
        inner._client.close()
