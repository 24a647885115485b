"""What only the store over a changelog does: how it lies on the bus, and what happens when the bus fails."""

from __future__ import annotations

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.core.errors import BusUnavailable, ConfigError, StateError
from pipeline.core.ports import Outgoing, Snapshot, TopicPartition, TopicSpec
from pipeline.state.changelog import ChangelogStore

TOPICS = {"track": "track-changelog"}
ALL = frozenset({0, 1})


def bus_with_changelog() -> MemoryBus:
    bus = MemoryBus()
    bus.ensure([TopicSpec("track-changelog", 2, compacted=True)])
    return bus


def snapshot(generation: int, offset: int, content: bytes = b"state", key: str = "gym") -> Snapshot:
    offsets = {TopicPartition("poses", 1): offset}
    return Snapshot("track", key, 1, {"poses": "id"}, generation, offsets, content)


def test_the_value_is_the_content_alone_so_that_any_reader_can_decode_it() -> None:
    bus = bus_with_changelog()
    ChangelogStore(bus, "w", TOPICS).save([snapshot(3, 10, b"avro")])

    (record,) = bus.read("track-changelog", ALL)

    assert (record.partition, record.key, record.value) == (1, b"gym@3", b"avro")


def test_a_new_generation_clears_away_the_older_ones() -> None:
    bus = bus_with_changelog()
    for generation in (1, 2, 3):
        store = ChangelogStore(bus, "w", TOPICS)
        store.load("track", ALL)
        store.save([snapshot(generation, 10)])
        store.save([snapshot(generation, 20)])
    bus.compact("track-changelog")
    bus.compact("track-changelog")

    assert [record.key for record in bus.read("track-changelog", ALL)] == [b"gym@3"]


def test_a_worker_that_stays_clears_its_own_older_generations() -> None:
    bus = bus_with_changelog()
    store = ChangelogStore(bus, "w", TOPICS)
    for generation in range(1, 6):
        store.save([snapshot(generation, 10 * generation)])
    bus.compact("track-changelog")
    bus.compact("track-changelog")

    assert [record.key for record in bus.read("track-changelog", ALL)] == [b"gym@5"]


def test_a_save_that_failed_is_made_again_with_a_new_producer() -> None:
    bus = bus_with_changelog()
    store = ChangelogStore(bus, "w", TOPICS)
    store.save([snapshot(1, 10, b"old")])
    bus.faults.fail_next_sends("track-changelog")

    with pytest.raises(BusUnavailable):
        store.save([snapshot(2, 20, b"new")])
    after = ChangelogStore(bus, "w", TOPICS).load("track", ALL)["gym"].content
    store.save([snapshot(2, 20, b"new")])

    assert after == b"old"
    assert ChangelogStore(bus, "w", TOPICS).load("track", ALL)["gym"].content == b"new"


def test_a_failed_save_leaves_the_older_generation_in_place() -> None:
    bus = bus_with_changelog()
    ChangelogStore(bus, "w", TOPICS).save([snapshot(1, 10, b"old")])
    heir = ChangelogStore(bus, "heir", TOPICS)
    heir.load("track", ALL)
    bus.faults.fail_next_sends("track-changelog")
    with pytest.raises(BusUnavailable):
        heir.save([snapshot(2, 20, b"new")])

    bus.compact("track-changelog")
    bus.compact("track-changelog")

    assert heir.load("track", ALL)["gym"].content == b"old"


def test_a_closed_store_opens_again_at_the_next_save() -> None:
    bus = bus_with_changelog()
    store = ChangelogStore(bus, "w", TOPICS)
    store.save([snapshot(1, 10)])

    store.close()
    store.save([snapshot(1, 20)])

    assert store.load("track", ALL)["gym"].offsets == {TopicPartition("poses", 1): 20}


def test_a_stage_without_changelog_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="smooth"):
        ChangelogStore(bus_with_changelog(), "w", TOPICS).load("smooth", ALL)


@pytest.mark.parametrize(
    ("key", "header"),
    [(b"gym", b"{}"), (b"gym@x", b'{"topic_ids": {}, "offsets": []}'), (b"gym@1", b"[]"), (b"gym@1", b"{")],
)
def test_a_foreign_record_in_the_changelog_is_a_state_error(key: bytes, header: bytes) -> None:
    bus = bus_with_changelog()
    producer = bus.producer("p")
    producer.send(Outgoing("track-changelog", 0, key, b"x", (("snapshot", header),)))

    with pytest.raises(StateError, match="track-changelog/0 at 0"):
        ChangelogStore(bus, "w", TOPICS).load("track", ALL)
