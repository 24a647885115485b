"""The highest numbers that rows have, for whoever goes on where nothing else remembers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from pipeline.database.connect import Address
from pipeline.database.session import Session

_SEEN = """
SELECT track_id, (extract(epoch FROM first_seen) * 1000000)::bigint, (extract(epoch FROM last_seen) * 1000000)::bigint
FROM pose_raw.tracks WHERE run = %s AND track_id = ANY(%s::bigint[])
"""


@dataclass(frozen=True, slots=True)
class LastNumbers:
    """Of one camera and run; 0 where there is none.

    Attributes:
        session: Of the last frame.
        person: Highest counter of a track that a tracker has given (`ids.make_track_id`).
    """

    session: int
    person: int


def last_numbers(address: Address, run: int, camera_no: int) -> LastNumbers:
    """The highest numbers of this camera. Raises SinkUnavailable, DatabaseError."""
    ((last_session, last_person),) = _asked(
        address, "SELECT last_session, last_person FROM pose_raw.last_numbers(%s::int, %s::smallint)", (run, camera_no)
    )
    return LastNumbers(int(last_session), int(last_person))


def seen_between(address: Address, run: int, tracks: Sequence[int]) -> dict[int, tuple[int, int]]:
    """First and last sight, microseconds since the epoch, of those among `tracks` that this run has.

    Raises SinkUnavailable, DatabaseError.
    """
    rows = _asked(address, _SEEN, (run, list(tracks)))
    return {int(track): (int(first), int(last)) for track, first, last in rows}


def is_attached(address: Address, camera_no: int) -> bool:
    """The camera is filmed, or will be. Raises SinkUnavailable, DatabaseError."""
    return bool(_asked(address, "SELECT FROM pose_raw.camera_specs WHERE camera_no = %s", (camera_no,)))


def _asked(address: Address, statement: LiteralString, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    session = Session(address, "writer")
    try:
        return session.run(lambda connection: connection.execute(statement, parameters).fetchall())
    finally:
        session.close()
