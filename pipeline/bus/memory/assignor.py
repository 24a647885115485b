"""Who reads which partition: balanced, and every member keeps what it has as far as balance allows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set

from pipeline.core.ports import TopicPartition


def sticky_assignment(
    wanted: Sequence[Set[str]], owned: Sequence[Set[TopicPartition]], partitions: Mapping[str, int]
) -> list[set[TopicPartition]]:
    """The partitions of each member.

    Args:
        wanted: Topics that each member reads.
        owned: What each member has now.
        partitions: Number of partitions of each topic.
    """
    places = [TopicPartition(topic, number) for topic in sorted(partitions) for number in range(partitions[topic])]
    known = set(places)
    result = [
        {place for place in have if place in known and place.topic in topics}
        for topics, have in zip(wanted, owned, strict=True)
    ]
    taken: set[TopicPartition] = set().union(*result)
    for place in places:
        if place not in taken:
            readers = _readers(place, wanted)
            if readers:
                result[_least(readers, result)].add(place)
    while (move := _best_move(wanted, result)) is not None:
        place, giver, taker = move
        result[giver].remove(place)
        result[taker].add(place)
    return result


def _best_move(
    wanted: Sequence[Set[str]], result: Sequence[Set[TopicPartition]]
) -> tuple[TopicPartition, int, int] | None:
    """A partition whose move narrows the gap between two members, from the fullest that has one."""
    for giver in sorted(range(len(result)), key=lambda member: (-len(result[member]), member)):
        for place in sorted(result[giver], reverse=True):
            taker = _least(_readers(place, wanted), result)
            if len(result[giver]) - len(result[taker]) > 1:
                return place, giver, taker
    return None


def _readers(place: TopicPartition, wanted: Sequence[Set[str]]) -> list[int]:
    return [member for member, topics in enumerate(wanted) if place.topic in topics]


def _least(members: Collection[int], result: Sequence[Set[TopicPartition]]) -> int:
    return min(members, key=lambda member: (len(result[member]), member))
