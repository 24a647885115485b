"""Consumer groups as the cluster sees them: how far each is behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


def backlogs(link: Link, topics: Topics, groups: Sequence[str]) -> list[Backlog]:
    """Of these groups, in every partition on which they have committed or are reading. Raises BusUnavailable."""
    names = set(topics.names())
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
        places = sorted({place for _, place in committed})
        ends = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST)) if places else {}
        starts = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST)) if places else {}
    rows = []
    for (group, place), offset in sorted(committed.items()):
        end, start = ends[place].offset, starts[place].offset
        known = offset if offset >= 0 else None
        rows.append(
            Backlog(
                group=link.short(group),
                topic=link.short(place.topic),
                partition=place.partition,
                committed=known,
                end=end,
                records=max(end - max(known if known is not None else start, start), 0),
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
