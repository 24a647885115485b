"""The bus over Kafka: makes topics, producers and consumers."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from threading import Lock
from typing import TypeVar
from weakref import WeakSet

from pipeline.bus.kafka.consumer import KafkaConsumer
from pipeline.bus.kafka.groups import Backlog, backlogs, group_names, members
from pipeline.bus.kafka.link import Link
from pipeline.bus.kafka.producer import IN_FLIGHT_BYTES, KafkaProducer
from pipeline.bus.kafka.read import follow, read
from pipeline.bus.kafka.security import Security
from pipeline.bus.kafka.settings import SESSION_S
from pipeline.bus.kafka.topics import TopicFacts, Topics
from pipeline.core.errors import BusUnavailable, ConfigError
from pipeline.core.ports import BusRecord, TopicSpec

_End = TypeVar("_End", KafkaProducer, KafkaConsumer)


class KafkaBus:
    """Topics of a Kafka cluster.

    Threads may share the bus and its producers; a consumer belongs to one thread. Nothing is asked of the cluster
    before the first call: then BusUnavailable names the addresses where nobody answers.

    Args:
        servers: Addresses `host:port` of some brokers of the cluster.
        prefix: Stands before every topic and group, so that several installations share a cluster; those who call
            never see it.
        client: Name by which brokers know who asks.
        replication: Copies of each partition of topics made here; the cluster's default by default.
        compression: None, "gzip"; "lz4", "snappy" and "zstd" with their packages.
        timeout_s: How long to look for a broker that answers.
        session_s: A member of a group that is not heard of for so long loses its partitions; brokers allow no less
            than 6 s by default.
        in_flight_bytes: Of each producer: so much may wait to be taken by the cluster.
        delivery_timeout_s: A record that the cluster does not take for so long has failed; 120 s by default.
        instance: Name of a static member in each of its groups, where a consumer is given none of its own: a process
            that comes back under it after a crash has its partitions at once, not after a session. One that is closed
            leaves its groups nevertheless.
    """

    def __init__(
        self,
        servers: Sequence[str],
        *,
        prefix: str = "",
        security: Security | None = None,
        client: str = "posebus",
        replication: int | None = None,
        compression: str | None = None,
        timeout_s: float = 10.0,
        session_s: float = SESSION_S,
        in_flight_bytes: int = IN_FLIGHT_BYTES,
        delivery_timeout_s: float | None = None,
        instance: str | None = None,
    ) -> None:
        if not servers:
            raise ConfigError("no Kafka broker is named", hint="set kafka.servers, such as localhost:9092")
        self._link = Link(tuple(servers), prefix, security or Security(), timeout_s, session_s)
        self._client = client
        self._topics = Topics(self._link, client, replication)
        self._compression = compression
        self._in_flight_bytes = in_flight_bytes
        self._delivery_timeout_s = delivery_timeout_s
        self._instance = instance
        self._lock = Lock()
        self._closed = False
        self._made: WeakSet[KafkaProducer | KafkaConsumer] = WeakSet()

    @property
    def prefix(self) -> str:
        """What stands before every topic and group."""
        return self._link.prefix

    def ensure(self, specs: Sequence[TopicSpec]) -> None:
        """Make the topics that are missing. Raises ConfigError where one exists with another partition count."""
        self._check_open()
        self._topics.ensure(specs)

    def topic_id(self, topic: str) -> str:
        """Identity of the topic: another one after it was deleted and made anew."""
        self._check_open()
        return self._topics.fact(topic).id

    def delete(self, topic: str) -> None:
        """Remove the topic, its records and what groups committed on it."""
        self._check_open()
        self._topics.delete(topic)

    def producer(self, client: str) -> KafkaProducer:
        """A new producer."""
        self._check_open()
        return self._keep(
            KafkaProducer(
                self._link,
                client,
                self._topics.fact,
                compression=self._compression,
                in_flight_bytes=self._in_flight_bytes,
                delivery_timeout_s=self._delivery_timeout_s,
            )
        )

    def consumer(self, client: str, group: str, topics: Sequence[str], *, instance: str | None = None) -> KafkaConsumer:
        """A new member of the group; under the name of an `instance`, a static one."""
        self._check_open()
        return self._keep(
            KafkaConsumer(
                self._link,
                client,
                group,
                topics,
                self._topics.fact,
                instance=instance or self._instance,
                leaves=instance is None,
            )
        )

    def read(self, topic: str, partitions: frozenset[int]) -> Iterator[BusRecord]:
        """What lies in these partitions, from the earliest up to the end at the first call."""
        self._check_open()
        facts = self._topics.fact(topic)
        for number in sorted(partitions):
            if not 0 <= number < facts.partitions:
                raise ConfigError(f"{topic} has {facts.partitions} partitions, no number {number}")
        yield from read(self._link, self._client, facts, partitions)

    def follow(
        self, topic: str, partitions: frozenset[int], *, last: int = 0, wait_s: float = 0.2, endless: bool = True
    ) -> Generator[BusRecord | None, None, None]:
        """The last records of each of these partitions, then, if `endless`, what comes; None where nothing came for
        `wait_s`.
        """
        self._check_open()
        yield from follow(self._link, self._client, self._topics.fact(topic), partitions, last, wait_s, endless)

    def close(self) -> None:
        """Close all producers and consumers; every later call on them raises BusUnavailable."""
        with self._lock:
            self._closed = True
            made = list(self._made)
        for end in made:
            end.close()
        self._topics.close()

    def describe(self, topics: Sequence[str] | None = None) -> list[TopicFacts]:
        """What the cluster knows of these topics, or of all with our prefix, as far as they are there."""
        self._check_open()
        return list(self._topics.facts(self._topics.names() if topics is None else topics).values())

    def groups(self) -> list[str]:
        """All groups with our prefix."""
        self._check_open()
        return group_names(self._link, self._topics)

    def members(self, group: str) -> int:
        """How many members the group has now."""
        self._check_open()
        return members(self._link, self._topics, group)

    def backlogs(
        self, groups: Sequence[str] | None = None, *, reads: Mapping[str, Sequence[str]] | None = None
    ) -> list[Backlog]:
        """How far these groups, or all with our prefix, are behind on each partition.

        Args:
            reads: Topics that groups are known to read, to find partitions too on which they never committed.
        """
        return backlogs(self._link, self._topics, self.groups() if groups is None else groups, reads)

    def _keep(self, end: _End) -> _End:
        with self._lock:
            if not self._closed:
                self._made.add(end)
                return end
        end.close()
        raise BusUnavailable("the bus is closed")

    def _check_open(self) -> None:
        if self._closed:
            raise BusUnavailable("the bus is closed")
