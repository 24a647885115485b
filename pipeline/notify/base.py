"""What a channel of delivery is, and what became of a delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from pipeline.core.errors import PosebusError
from pipeline.core.records import Record
from pipeline.core.values import Transition


class DeliveryRefused(PosebusError):
    """The receiver does not want this step of an incident: trying again will not help."""


class Channel(Protocol):
    """A way to tell people or programs."""

    @property
    def name(self) -> str:
        """Unique among the channels of a notifier; part of the idempotency key."""
        ...

    def deliver(self, record: Record[Transition], key: str) -> None:
        """Deliver one step; `key` is the same each time that this step is tried.

        Raises TransientError when it may work later, DeliveryRefused when it will not.
        """
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one step of an incident on one channel.

    Attributes:
        key: incident/version/channel: delivered once, it is never delivered again.
        state: delivered, failed (try again later) or refused (do not).
        error: Why it was not delivered, or None.
    """

    key: str
    incident_id: UUID
    version: int
    channel: str
    state: str
    error: str | None = None


def key_of(transition: Transition, channel: str) -> str:
    """The idempotency key of a step on a channel."""
    return f"{transition.incident_id}/{transition.version}/{channel}"
