"""Snapshots in memory, for tests and for workers of one process."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from pipeline.core.ports import Snapshot
from pipeline.state.rank import rank


class MemoryStore:
    """Keeps the snapshot of each stage and key that goes furthest. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: dict[tuple[str, str], Snapshot] = {}

    def load(self, stage: str, partitions: frozenset[int]) -> Mapping[str, Snapshot]:
        """Latest snapshot of each key whose camera lies in these partitions."""
        with self._lock:
            return {
                key: snapshot
                for (owner, key), snapshot in self._latest.items()
                if owner == stage and snapshot.partition in partitions
            }

    def save(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep each that does not fall behind the one that is kept."""
        with self._lock:
            for snapshot in snapshots:
                place = (snapshot.stage, snapshot.key)
                kept = self._latest.get(place)
                if kept is None or rank(snapshot) >= rank(kept):
                    self._latest[place] = snapshot
