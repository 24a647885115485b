"""The state stores that the contract suite runs on. To add one: a context manager, a line in STORES."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from pipeline.bus.memory import MemoryBus
from pipeline.core.ports import StateStore, TopicSpec
from pipeline.state.changelog import ChangelogStore
from pipeline.state.memory import MemoryStore

PARTITIONS = 4
STAGES = ("track", "smooth")


@dataclass(frozen=True)
class StoreUnderTest:
    """A place where snapshots rest.

    Attributes:
        open: The store as another worker sees it.
        tidy: What happens there with time (compaction) has happened when this returns.
    """

    open: Callable[[], StateStore]
    tidy: Callable[[], None]


@contextmanager
def memory_store() -> Iterator[StoreUnderTest]:
    store = MemoryStore()
    yield StoreUnderTest(lambda: store, lambda: None)


@contextmanager
def changelog_in_memory() -> Iterator[StoreUnderTest]:
    bus = MemoryBus()
    topics = {stage: f"{stage}-changelog" for stage in STAGES}
    bus.ensure([TopicSpec(topic, PARTITIONS, compacted=True) for topic in topics.values()])

    def tidy() -> None:
        for topic in topics.values():
            bus.compact(topic)
            bus.compact(topic)

    yield StoreUnderTest(lambda: ChangelogStore(bus, "worker", topics), tidy)
    bus.close()


STORES: Mapping[str, Callable[[], AbstractContextManager[StoreUnderTest]]] = {
    "memory": memory_store,
    "changelog-memory": changelog_in_memory,
}
