"""How members join groups and leave them, where kafka-python does it another way."""

from __future__ import annotations

from typing import Any

from kafka.coordinator.consumer import ConsumerCoordinator
from kafka.structs import MemberState


class _Coordinator(ConsumerCoordinator):  # type: ignore[misc]
    """Applies the result of a join that ended while nobody polled.

    kafka-python 3.0.12 drops it: the next poll either joins once more, which makes all others join again, or, where
    no join is due any longer, never: then the member is in the group, has no partitions, sends no heartbeats and
    stays so for ever, without an error.
    """

    _join_task: Any
    leaves = False

    def is_dynamic_member(self) -> bool:
        return self.leaves or bool(super().is_dynamic_member())

    def need_rejoin(self) -> bool:
        return self._join_task is not None or bool(super().need_rejoin())

    async def join_group_async(self, timeout_ms: float | None = None) -> bool:
        task = self._join_task
        if task is not None and task.is_done:
            if task.succeeded() and self._generation.has_member_id():
                await self._apply(task.value)
            self._join_task = None
        return bool(await super().join_group_async(timeout_ms))

    async def _apply(self, assignment: bytes) -> None:
        with self._lock:
            self._join_task = None
            self.rejoining = False
            self.rejoin_needed = False
            self.state = MemberState.STABLE
            self._enable_heartbeat()
        generation = self._generation
        await self._on_join_complete_async(
            generation.generation_id, generation.member_id, generation.protocol, assignment
        )


def keep_joins(consumer: Any) -> None:
    """Let this consumer of kafka-python keep the result of each join."""
    consumer._coordinator.__class__ = _Coordinator


def leave_for_good(consumer: Any) -> None:
    """Let a static member that is closed tell its group, which would else wait for its return for a session."""
    consumer._coordinator.leaves = True


def join_once(consumer: Any) -> None:
    """Let a consumer that has subscribed see the partitions it knows: or it would see them in its first join, and join
    a second time for them.
    """
    consumer._coordinator._handle_metadata_update(consumer._cluster)
