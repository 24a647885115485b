"""Headers of records: what a runner has to know of one without decoding it."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.core.ports import BusRecord, Headers, Outgoing
from pipeline.core.records import Dropped, Record, Tick

ARRIVED = "a"
"""Of a live record: its stamp's `arrived_at_us`."""

FRAME = "f"
"""Of a live record that is neither a dropped frame nor a tick: there is something to be done with it."""


def headers_of(record: Record[object]) -> Headers:
    """A recorded frame has none: it has no age."""
    if record.stamp.clock == "file":
        return ()
    arrived = (ARRIVED, b"%d" % record.stamp.arrived_at_us)
    return (arrived,) if isinstance(record.value, Dropped | Tick) else (arrived, (FRAME, b""))


def is_live(record: BusRecord | Outgoing) -> bool:
    """Whether it is of a live camera: a recording has no age."""
    return any(name == ARRIVED for name, _ in record.headers)


def frame_arrived_us(record: BusRecord) -> int | None:
    """When a live frame arrived; None for a dropped one, a tick and what was recorded."""
    if not any(name == FRAME for name, _ in record.headers):
        return None
    return number(record.headers, ARRIVED)


def number(headers: Sequence[tuple[str, bytes]], name: str) -> int | None:
    """The number in a header; None where there is none, as from another program."""
    for key, value in headers:
        if key == name and value.isdigit():
            return int(value)
    return None
