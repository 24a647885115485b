"""What a channel of delivery is."""

from __future__ import annotations

from typing import Protocol

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


def key_of(transition: Transition, channel: str) -> str:
    """The idempotency key of a step on a channel."""
    return f"{transition.incident_id}/{transition.version}/{channel}"
