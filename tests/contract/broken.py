"""A bus over Kafka that goes wrong when it is told to, by what a cluster can be asked to do."""

from __future__ import annotations

import time
from collections.abc import Sequence

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, MemberToRemove

from pipeline.bus.kafka import KafkaBus, KafkaProducer

_COMPACTION_S = 1.0


class BrokenBus(KafkaBus):
    """A bus over Kafka whose sends fail and whose members are thrown out on demand."""

    def __init__(self, servers: Sequence[str], *, prefix: str) -> None:
        super().__init__(servers, prefix=prefix, session_s=3.0)
        self._prefix = prefix
        self._hand = KafkaAdminClient(bootstrap_servers=list(servers))
        self._broken: list[str] = []

    def break_next_send(self, topic: str) -> None:
        """The brokers take nothing on this topic, until a new producer is made."""
        self.configure(topic, {"max.message.bytes": "1"})
        self._broken.append(topic)

    def producer(self, client: str) -> KafkaProducer:
        while self._broken:
            self.configure(self._broken.pop(), {"max.message.bytes": "1048588"})
        return super().producer(client)

    def expire(self, client: str) -> None:
        """The group goes on without the members of this client."""
        groups = self._hand.describe_groups([self._prefix + group for group in self.groups()])
        for name, group in groups.items():
            gone = [MemberToRemove(member_id=m["member_id"]) for m in group["members"] if m["client_id"] == client]
            if gone:
                self._hand.remove_group_members(name, gone)

    def compact(self, topic: str) -> None:
        """Every batch gets a segment of its own from here on, and the cleaner time for a round."""
        self.configure(topic, {"segment.ms": "1", "min.cleanable.dirty.ratio": "0.001"})
        time.sleep(_COMPACTION_S)

    def configure(self, topic: str, settings: dict[str, str]) -> None:
        """Set what the brokers keep of a topic."""
        self._hand.alter_configs([ConfigResource(ConfigResourceType.TOPIC, self._prefix + topic, settings)])

    def close(self) -> None:
        self._hand.close()
        super().close()
