"""Which of two snapshots of a key goes further, so that the late snapshot of a worker that lost the key loses."""

from __future__ import annotations

from pipeline.core.ports import Snapshot


def rank(snapshot: Snapshot) -> tuple[int, int]:
    """(generation, sum of offsets), to be compared; of equal ones the later written counts.

    Within a generation one worker holds the key and its offsets only grow, each for itself: so their sum grows too.
    """
    return snapshot.generation, sum(snapshot.offsets.values())
