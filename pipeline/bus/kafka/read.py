"""Reads what lies in partitions, outside of any group."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

import kafka
from kafka import errors

from pipeline.bus.kafka.failures import translated
from pipeline.bus.kafka.link import Link
from pipeline.bus.kafka.settings import reader
from pipeline.bus.kafka.topics import TopicFacts
from pipeline.core.errors import BusUnavailable
from pipeline.core.ports import BusRecord

_SILENCE_S = 30.0
_CLOSE_MS = 3000


def read(link: Link, client: str, facts: TopicFacts, partitions: frozenset[int]) -> Iterator[BusRecord]:
    """From the earliest record up to the end at the first call. Raises BusUnavailable."""
    if not partitions:
        return
    inner = link.connect(kafka.KafkaConsumer, client, reader(facts.large))
    try:
        places = [kafka.TopicPartition(link.full(facts.name), number) for number in sorted(partitions)]
        with translated(f"reading {facts.name}", link.servers):
            inner.assign(places)
            inner.seek_to_beginning(*places)
            ends = inner.end_offsets(places, timeout_ms=int(link.timeout_s * 1000))
            starts = inner.beginning_offsets(places, timeout_ms=int(link.timeout_s * 1000))
        left = {place for place in places if starts[place] < ends[place]}
        inner.pause(*(place for place in places if place not in left))
        heard = time.monotonic()
        while left:
            with translated(f"reading {facts.name}", link.servers):
                fetched = inner.poll(timeout_ms=200)
            for place, records in fetched.items():
                for r in records:
                    if r.offset < ends[place]:
                        yield BusRecord(facts.name, place.partition, r.offset, r.key or b"", r.value, tuple(r.headers))
            with translated(f"reading {facts.name}", link.servers):
                # The position, not the last record: what lay at the end may be compacted away.
                done = {place for place in left if (inner.position(place, timeout_ms=5000) or 0) >= ends[place]}
            inner.pause(*done)
            left -= done
            if fetched or done:
                heard = time.monotonic()
            elif time.monotonic() - heard > _SILENCE_S:
                raise BusUnavailable(f"{facts.name}: nothing came for {_SILENCE_S:g} s, and its end is not reached")
    finally:
        with suppress(errors.KafkaError, OSError):
            inner.close(autocommit=False, timeout_ms=_CLOSE_MS)


def follow(
    link: Link, client: str, facts: TopicFacts, partitions: frozenset[int], last: int, wait_s: float, endless: bool
) -> Iterator[BusRecord | None]:
    """The last records of each partition, then what comes; None where nothing came for `wait_s`.

    Never ends, unless it is not to be `endless`: then at the end as it was at the first call. Raises BusUnavailable.
    """
    if not partitions:
        return
    inner = link.connect(kafka.KafkaConsumer, client, reader(facts.large))
    try:
        places = [kafka.TopicPartition(link.full(facts.name), number) for number in sorted(partitions)]
        with translated(f"reading {facts.name}", link.servers):
            inner.assign(places)
            ends = inner.end_offsets(places, timeout_ms=int(link.timeout_s * 1000))
            starts = inner.beginning_offsets(places, timeout_ms=int(link.timeout_s * 1000))
            for place in places:
                inner.seek(place, max(ends[place] - last, starts[place]))
        left = {place for place in places if endless or (last and starts[place] < ends[place])}
        while left:
            with translated(f"reading {facts.name}", link.servers):
                fetched = inner.poll(timeout_ms=int(wait_s * 1000))
            for place, records in fetched.items():
                for r in records:
                    if endless or r.offset < ends[place]:
                        yield BusRecord(facts.name, place.partition, r.offset, r.key or b"", r.value, tuple(r.headers))
            if not endless:
                with translated(f"reading {facts.name}", link.servers):
                    left = {place for place in left if (inner.position(place, timeout_ms=5000) or 0) < ends[place]}
            if not fetched and left:
                yield None
    finally:
        with suppress(errors.KafkaError, OSError):
            inner.close(autocommit=False, timeout_ms=_CLOSE_MS)
