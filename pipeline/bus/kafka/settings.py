"""The settings of kafka-python's clients, each for a reason that was measured (docs/kafka.md)."""

from __future__ import annotations

from typing import Any

from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

KIB = 2**10
MIB = 2**20

OVERHEAD = KIB
"""What a record takes on the wire beside key, value and headers: the frame of its batch and of its headers."""

REQUEST_BYTES = 6 * MIB
"""Largest record a producer sends, whatever its topic takes."""

LARGE_BYTES = 2 * MIB
"""A topic that takes records of this size holds pictures: it is fetched in larger pieces."""

FETCH_MS, IDLE_FETCH_MS = 50, 250
"""How long a fetch waits at the broker for records. One that was sent while a partition was paused holds up its next
records. Where nothing comes and nothing is paused none is held up, and what an idle worker costs is its fetches.
"""

SESSION_S = 6.0
"""A member that is not heard of for so long loses its partitions; no broker allows less by default."""

# After an outage clients are back at once, instead of up to 30 s later.
_BACK_AT_ONCE: dict[str, Any] = {"reconnect_backoff_max_ms": 1000}
_BOTH: dict[str, Any] = {**_BACK_AT_ONCE, "metrics_enabled": False}

LINGER_MS, RECORDED_LINGER_MS = 2, 20
"""Records wait so long for others to share their request; where only recordings are sent longer, as nobody minds their
age."""

PRODUCER: dict[str, Any] = {
    **_BOTH,
    "acks": "all",
    "enable_idempotence": True,
    "max_request_size": REQUEST_BYTES + OVERHEAD,
    "batch_size": 256 * KIB,  # half the throughput with the default, 16 KiB
    # A request costs client and broker about a millisecond: what a frame gives, of all topics, shares one.
    "linger_ms": LINGER_MS,
    # Shorter, and after an outage batches stay for ever, neither done nor failed.
    "delivery_timeout_ms": 120_000,
    "max_block_ms": 5000,
}

ADMIN: dict[str, Any] = {**_BACK_AT_ONCE, "request_timeout_ms": 10_000}


def reader(large: bool) -> dict[str, Any]:
    """Of a consumer outside of any group."""
    return {
        **_BOTH,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "allow_auto_create_topics": False,
        "fetch_max_wait_ms": FETCH_MS,
        "max_partition_fetch_bytes": 5 * MIB if large else 64 * KIB,
        "fetch_max_bytes": 16 * MIB,
    }


def member(group: str, instance: str | None, large: bool, session_s: float) -> dict[str, Any]:
    """Of a consumer in a group."""
    return {
        **reader(large),
        "group_id": group,
        "group_instance_id": instance,
        "session_timeout_ms": int(session_s * 1000),
        "heartbeat_interval_ms": int(session_s * 1000 / 6),
        "max_poll_interval_ms": 60_000,
        "partition_assignment_strategy": (CooperativeStickyAssignor,),
        "metadata_max_age_ms": 30_000,
    }


def buffered_bytes(large: bool) -> int:
    """How much a consumer keeps of what it has fetched and not yet handed out."""
    return 32 * MIB if large else 8 * MIB
