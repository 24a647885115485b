"""Identities made of what a thing is, so that the same input gives the same id."""

from __future__ import annotations

from uuid import UUID, uuid5

NAMESPACE = UUID("6f0c2b0e-7a55-5d0b-9a53-1f3d0c9b7e11")
TRACK_BITS = 48


def make_id(*parts: object) -> UUID:
    """uuid5 of the parts, each written as text; the first part names the kind of thing."""
    return uuid5(NAMESPACE, "/".join(map(str, parts)))


def make_track_id(camera_no: int, counter: int) -> int:
    """camera_no << 48 | counter: unique over all cameras of a system."""
    return camera_no << TRACK_BITS | counter
