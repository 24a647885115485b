"""The shares of a group's members."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.bus.memory.assignor import sticky_assignment
from pipeline.core.ports import TopicPartition

COUNTS = {"a": 5, "b": 3}
PLACES = [TopicPartition(topic, number) for topic, count in COUNTS.items() for number in range(count)]

owners = st.lists(st.integers(0, 4), min_size=len(PLACES), max_size=len(PLACES))


def held(owner: list[int], members: int) -> list[set[TopicPartition]]:
    return [{place for place, who in zip(PLACES, owner, strict=True) if who == member} for member in range(members)]


@given(members=st.integers(1, 6), owner=owners)
def test_all_partitions_are_shared_evenly_and_none_moves_without_need(members: int, owner: list[int]) -> None:
    owned = held(owner, members)

    result = sticky_assignment([{"a", "b"}] * members, owned, COUNTS)

    assert sorted(place for share in result for place in share) == sorted(PLACES)
    sizes = [len(share) for share in result]
    assert max(sizes) - min(sizes) <= 1
    floor = len(PLACES) // members
    for before, after in zip(owned, result, strict=True):
        assert len(before & after) >= min(len(before), floor)


@given(members=st.integers(1, 6), owner=owners)
def test_a_second_time_changes_nothing(members: int, owner: list[int]) -> None:
    wanted = [{"a", "b"}] * members
    result = sticky_assignment(wanted, held(owner, members), COUNTS)

    assert sticky_assignment(wanted, result, COUNTS) == result


@given(wanted=st.lists(st.sets(st.sampled_from(["a", "b"])), min_size=1, max_size=5), owner=owners)
def test_members_get_only_what_they_read(wanted: list[set[str]], owner: list[int]) -> None:
    result = sticky_assignment(wanted, held(owner, len(wanted)), COUNTS)

    read = set().union(*wanted)
    assert sorted(place for share in result for place in share) == sorted(p for p in PLACES if p.topic in read)
    assert all(place.topic in topics for topics, share in zip(wanted, result, strict=True) for place in share)


def test_partitions_of_a_topic_that_went_are_gone() -> None:
    assert sticky_assignment([{"a", "b"}], [set(PLACES)], {"a": 1, "b": 0}) == [{TopicPartition("a", 0)}]
