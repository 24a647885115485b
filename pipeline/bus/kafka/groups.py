"""Consumer groups as the cluster sees them: how far each is behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kafka import TopicPartition
from kafka.admin import OffsetSpec

from pipeline.bus.kafka.failures import translated
from pipeline.bus.kafka.link import Link
from pipeline.bus.kafka.topics import Topics


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a group has not committed of a partition.

    Attributes:
        committed: The next offset it will read, None before its first commit.
        end: The offset of the next record to come.
        records: How many it is behind; from the earliest on before its first commit.
    """

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    records: int


def backlogs(
    link: Link, topics: Topics, groups: Sequence[str], reads: Mapping[str, Sequence[str]] | None = None
) -> list[Backlog]:
    """Of these groups, in every partition on which they have committed. Raises BusUnavailable.

    Args:
        reads: Topics that groups are known to read: there the partitions count too on which they never committed, as
            far as records lie in them.
    """
    names = set(topics.names())
    known = {group: [topic for topic in own if topic in names] for group, own in (reads or {}).items()}
    partitions = topics.partitions({topic for own in known.values() for topic in own})
    with topics.lock, translated("asking for groups", link.servers):
        admin = topics.admin()
        full = [link.full(group) for group in groups]
        found = admin.list_group_offsets(full) if full else {}
        committed = {
            (group, place): metadata.offset
            for group, places in found.items()
            for place, metadata in places.items()
            if link.short(place.topic) in names
        }
        read = {
            (link.full(group), TopicPartition(link.full(topic), number))
            for group in groups
            for topic in known.get(group, ())
            for number in range(partitions[topic])
        }
        never = read - committed.keys()
        committed |= dict.fromkeys(never, -1)
        places = sorted({place for _, place in committed})
        ends = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST)) if places else {}
        starts = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST)) if places else {}
    rows = []
    for (group, place), offset in sorted(committed.items()):
        end, start = ends[place].offset, starts[place].offset
        at = offset if offset >= 0 else None
        if (group, place) in never and start == end:
            continue
        rows.append(
            Backlog(
                group=link.short(group),
                topic=link.short(place.topic),
                partition=place.partition,
                committed=at,
                end=end,
                records=max(end - max(at if at is not None else start, start), 0),
            )
        )
    return rows


def group_names(link: Link, topics: Topics) -> list[str]:
    """All groups with our prefix."""
    with topics.lock, translated("asking for groups", link.servers):
        groups = topics.admin().list_groups()
    names = (group["group_id"] for group in groups)
    return sorted(link.short(name) for name in names if name.startswith(link.prefix))


def members(link: Link, topics: Topics, group: str) -> int:
    """How many members the group has now. Raises BusUnavailable."""
    with topics.lock, translated("asking for groups", link.servers):
        found = topics.admin().describe_groups([link.full(group)])
    described = found.values() if isinstance(found, dict) else found
    return sum(len(each["members"]) for each in described)
