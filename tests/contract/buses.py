"""The buses that the contract suite runs on. To add one: a context manager, a line in BUSES."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from pipeline.bus.memory import MemoryBus
from pipeline.core.ports import Bus, TopicSpec
from tests.broker import Cluster
from tests.contract.broken import BrokenBus


@dataclass(frozen=True)
class BusUnderTest:
    """A bus, and what a test has to know of it.

    Attributes:
        poll_s: How long one poll waits.
        polls: So many polls that bring nothing mean that nothing comes.
        patience: So many polls that bring nothing mean that a rebalance is stuck.
        break_next_send: The next send to this topic fails, and tells so at the flush.
        expire: The group goes on without the consumers of this client, who do not know.
        compact: The topic is compacted when this returns, as far as the bus can be asked to.
    """

    bus: Bus
    poll_s: float
    polls: int
    patience: int
    break_next_send: Callable[[str], None]
    expire: Callable[[str], None]
    compact: Callable[[str], None]

    def topic(self, **settings: Any) -> str:
        """A new topic with a name of its own."""
        name = f"t-{uuid4().hex[:12]}"
        self.bus.ensure([TopicSpec(name, **settings)])
        return name


@contextmanager
def memory_bus() -> Iterator[BusUnderTest]:
    bus = MemoryBus()
    yield BusUnderTest(
        bus,
        poll_s=0.0,
        polls=4,
        patience=4,
        break_next_send=bus.faults.fail_next_sends,
        expire=bus.expire,
        compact=bus.compact,
    )
    bus.close()


@contextmanager
def kafka_bus(cluster: Cluster) -> Iterator[BusUnderTest]:
    bus = BrokenBus(cluster.servers, prefix=f"{uuid4().hex[:10]}.")
    yield BusUnderTest(
        bus,
        poll_s=0.05,
        polls=8,
        patience=80,  # members hear of a rebalance by their heartbeats, two a second
        break_next_send=bus.break_next_send,
        expire=bus.expire,
        compact=bus.compact,
    )
    bus.close()


BUSES: Mapping[str, Callable[..., AbstractContextManager[BusUnderTest]]] = {
    "kafka": kafka_bus,
    "memory": memory_bus,
}
