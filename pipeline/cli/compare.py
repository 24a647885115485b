"""What a replay decides otherwise than the live run did: events and incidents, matched by time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.core.records import Record
from pipeline.core.values import Event, Transition
from pipeline.database import Database

NEAR_US = 1_000_000
"""Two of a kind at one camera within a second are the same."""

_EVENTS = """
SELECT camera, kind || ' ' || label, (extract(epoch FROM ts) * 1000000)::bigint FROM events
WHERE ts >= to_timestamp({begin}) AND ts < to_timestamp({end})
"""
_INCIDENTS = """
SELECT camera, rule, (extract(epoch FROM started) * 1000000)::bigint FROM incidents
WHERE started >= to_timestamp({begin}) AND started < to_timestamp({end})
"""

_Key = tuple[str, str, str]


@dataclass(frozen=True)
class Difference:
    """One kind at one camera, then and now.

    Attributes:
        what: event or incident.
        name: Kind and label, or the rule.
        before, now: How many there were.
        only_before, only_now: When those were that the other side has not.
    """

    what: str
    camera: str
    name: str
    before: int
    now: int
    only_before: Sequence[str]
    only_now: Sequence[str]


def differences(
    database: Database, found: Sequence[Record[Any]], cameras: Sequence[str], from_us: int, to_us: int
) -> list[Difference]:
    """What the records of a replay differ in from what rests as run 0, by what, camera and name."""
    now: dict[_Key, list[int]] = defaultdict(list)
    began: set[Any] = set()
    for record in found:
        value, camera = record.value, record.stamp.camera
        if isinstance(value, Event):
            if from_us <= value.at_us < to_us:
                now["event", camera, f"{value.kind} {value.label}"].append(value.at_us)
        elif isinstance(value, Transition) and value.incident_id not in began:
            began.add(value.incident_id)
            if from_us <= value.started_at_us < to_us:
                now["incident", camera, value.rule].append(value.started_at_us)
    before = _stored(database, cameras, from_us, to_us)
    return [_difference(key, sorted(before.get(key, ())), sorted(now.get(key, ()))) for key in sorted({*before, *now})]


def _stored(database: Database, cameras: Sequence[str], from_us: int, to_us: int) -> Mapping[_Key, list[int]]:
    found: dict[_Key, list[int]] = defaultdict(list)
    words = {"begin": f"{from_us / 1e6:.6f}", "end": f"{to_us / 1e6:.6f}"}
    for what, statement in (("event", _EVENTS), ("incident", _INCIDENTS)):
        for camera, name, at_us in database.query(statement.format(**words)).rows:
            if camera in cameras:
                found[what, str(camera), str(name)].append(int(at_us))
    return found


def _difference(key: _Key, before: Sequence[int], now: Sequence[int]) -> Difference:
    """Each one is matched with the first of the other side that is near and not yet taken."""
    left, only_now = list(before), []
    for at in now:
        near = next((other for other in left if abs(other - at) <= NEAR_US), None)
        if near is None:
            only_now.append(at)
        else:
            left.remove(near)
    return Difference(*key, len(before), len(now), [_written(at) for at in left], [_written(at) for at in only_now])


def _written(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds")
