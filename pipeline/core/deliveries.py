"""Deliveries: what became of telling a channel about a step of an incident, and where that is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from pipeline.core.records import Record
from pipeline.core.values import Transition

DeliveryState = Literal["delivered", "failed", "refused"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one step of an incident on one channel.

    Attributes:
        key: incident/version/channel: delivered once, it is never delivered again.
        run, incident_id, version: Which step.
        state: delivered, failed (try again later) or refused (do not).
        error: Why it was not delivered, or None.
    """

    key: str
    run: int
    incident_id: UUID
    version: int
    channel: str
    state: DeliveryState
    error: str | None = None


class DeliveryStore(Protocol):
    """Remembers what was delivered, beside the steps themselves."""

    def pending(self, run: int, camera_no: int, since_us: int, channels: Sequence[str]) -> Sequence[Record[Transition]]:
        """Steps of this camera from event time `since_us` on that some of the channels has not settled, in order.

        Raises SinkUnavailable.
        """
        ...

    def note(self, deliveries: Sequence[Delivery]) -> None:
        """Settle what was delivered or refused; what failed stays pending. The same twice is there once.

        Raises SinkUnavailable to be called again with the same deliveries.
        """
        ...


class SettledStore(Protocol):
    """Remembers what was delivered, and tells whether a step was."""

    def settled(self, records: Sequence[Record[Transition]]) -> frozenset[str]:
        """Keys of these steps, of any channel, that were delivered or refused. Raises SinkUnavailable."""
        ...

    def note(self, deliveries: Sequence[Delivery]) -> None:
        """As `DeliveryStore.note`."""
        ...
