"""What every state store does."""

from __future__ import annotations

from pipeline.core.ports import Snapshot, TopicPartition
from tests.contract.stores import PARTITIONS, StoreUnderTest

ALL = frozenset(range(PARTITIONS))


def snapshot(
    key: str = "gym",
    *,
    partition: int = 1,
    generation: int = 1,
    offset: int = 10,
    content: bytes = b"state",
    stage: str = "track",
    topic_id: str = "id",
) -> Snapshot:
    offsets = {TopicPartition("poses", partition): offset}
    return Snapshot(stage, key, partition, {"poses": topic_id}, generation, offsets, content)


def test_nothing_saved_is_nothing_loaded(stores: StoreUnderTest) -> None:
    assert dict(stores.open().load("track", ALL)) == {}


def test_a_snapshot_comes_back_whole_to_another_worker(stores: StoreUnderTest) -> None:
    several = Snapshot(
        stage="track",
        key="gym 2 @home/ä",
        partition=3,
        topic_ids={"poses": "a", "commands": "b"},
        generation=7,
        offsets={TopicPartition("poses", 3): 12, TopicPartition("commands", 3): 0},
        content=bytes(range(256)) * 80,
    )

    stores.open().save([several])

    assert dict(stores.open().load("track", ALL)) == {several.key: several}


def test_only_the_partitions_asked_for_are_loaded(stores: StoreUnderTest) -> None:
    stores.open().save([snapshot(f"c{i}", partition=i % PARTITIONS) for i in range(8)])

    loaded = stores.open().load("track", frozenset({1, 3}))

    assert sorted(loaded) == ["c1", "c3", "c5", "c7"]


def test_stages_do_not_see_each_other(stores: StoreUnderTest) -> None:
    store = stores.open()
    store.save([snapshot(content=b"of track"), snapshot(content=b"of smooth", stage="smooth")])

    assert {s: store.load(s, ALL)["gym"].content for s in ("track", "smooth")} == {
        "track": b"of track",
        "smooth": b"of smooth",
    }


def test_the_later_snapshot_of_a_worker_counts(stores: StoreUnderTest) -> None:
    store = stores.open()
    store.save([snapshot(offset=10, content=b"first")])
    store.save([snapshot(offset=20, content=b"second")])
    store.save([snapshot(offset=20, content=b"third, at the same offsets")])

    assert stores.open().load("track", ALL)["gym"].content == b"third, at the same offsets"


def test_the_late_snapshot_of_a_zombie_loses(stores: StoreUnderTest) -> None:
    zombie, heir = stores.open(), stores.open()
    zombie.save([snapshot(generation=4, offset=10, content=b"both knew this")])
    heir.load("track", ALL)
    heir.save([snapshot(generation=5, offset=20, content=b"of the heir")])

    zombie.save([snapshot(generation=4, offset=999, content=b"of the zombie")])

    assert stores.open().load("track", ALL)["gym"].content == b"of the heir"


def test_the_late_snapshot_of_a_zombie_loses_after_compaction_too(stores: StoreUnderTest) -> None:
    zombie, heir = stores.open(), stores.open()
    zombie.save([snapshot(generation=4, offset=10)])
    heir.load("track", ALL)
    heir.save([snapshot(generation=5, offset=20, content=b"of the heir")])
    zombie.save([snapshot(generation=4, offset=999, content=b"of the zombie")])

    stores.tidy()

    assert stores.open().load("track", ALL)["gym"].content == b"of the heir"


def test_a_zombie_that_loads_late_does_not_clear_the_newer_state_away(stores: StoreUnderTest) -> None:
    zombie, heir = stores.open(), stores.open()
    heir.save([snapshot(generation=5, offset=20, content=b"of the heir")])
    zombie.load("track", ALL)

    zombie.save([snapshot(generation=4, offset=30, content=b"of the zombie")])
    stores.tidy()

    assert stores.open().load("track", ALL)["gym"].content == b"of the heir"


def test_many_snapshots_survive_compaction(stores: StoreUnderTest) -> None:
    last = {}
    for generation in range(1, 4):
        store = stores.open()
        store.load("track", ALL)
        for offset in range(5):
            batch = [
                snapshot(f"c{i}", partition=i % PARTITIONS, generation=generation, offset=offset, content=b"%d" % i)
                for i in range(20)
            ]
            store.save(batch)
            last = {s.key: s for s in batch}
        stores.tidy()

    assert dict(stores.open().load("track", ALL)) == last
