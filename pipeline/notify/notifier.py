"""Delivers steps of incidents over all channels and tells what became of each."""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping, Sequence
from typing import Protocol

from pipeline.core.deliveries import Delivery, DeliveryState
from pipeline.core.errors import ConfigError, TransientError
from pipeline.core.records import Record
from pipeline.core.values import Transition
from pipeline.notify.base import Channel, DeliveryRefused, key_of
from pipeline.notify.log import LogChannel

log = logging.getLogger(__name__)


class Notifier:
    """Delivers at least once: the caller keeps what was delivered and says so next time.

    Args:
        channels: Each with a name of its own.
        replays: Replays and backtests (run > 0) are delivered too; nobody wants last week's falls again.
    """

    def __init__(self, channels: Sequence[Channel], *, replays: bool = False) -> None:
        names = [channel.name for channel in channels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"notify: two channels are named {twice[0]!r}", hint="rename one of them")
        self._channels = tuple(channels)
        self._replays = replays

    @property
    def channels(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(channel.name for channel in self._channels)

    def only(self, channel: str) -> Notifier:
        """A notifier of this channel alone, for callers that let no channel wait for another."""
        return Notifier([each for each in self._channels if each.name == channel], replays=self._replays)

    def takes(self, run: int) -> bool:
        """Whether incidents of this run are delivered at all."""
        return self._replays or run == 0

    def __call__(
        self, records: Sequence[Record[Transition]], delivered: Container[str] = frozenset()
    ) -> list[Delivery]:
        """Deliver steps in order, channel by channel, but for keys in `delivered`.

        After a failure the channel gets nothing more in this call, so that no step overtakes another: the rest is
        reported as failed too. A refused step holds nobody up.
        """
        wanted = [record for record in records if self.takes(record.stamp.run)]
        return [done for channel in self._channels for done in _deliver(channel, wanted, delivered)]


class WebhookSettings(Protocol):
    """What a configuration says of a webhook."""

    @property
    def url(self) -> Secret:
        """Where to post."""
        ...

    @property
    def secret(self) -> Secret | None:
        """Of the signature."""
        ...


class Secret(Protocol):
    """A text that is not shown by accident."""

    def get_secret_value(self) -> str:
        """The text."""
        ...


class NotifySettings(Protocol):
    """What a configuration says of delivery."""

    @property
    def log(self) -> bool:
        """Whether each step is a log line."""
        ...

    @property
    def webhooks(self) -> Mapping[str, WebhookSettings]:
        """Receivers by name."""
        ...


def notifier_of(settings: NotifySettings) -> Notifier:
    """The notifier that a configuration asks for. Raises ConfigError for an address that is none."""
    channels: list[Channel] = [LogChannel()] if settings.log else []
    return Notifier(channels + [_webhook(name, webhook) for name, webhook in settings.webhooks.items()])


def _webhook(name: str, settings: WebhookSettings) -> Channel:
    from pipeline.notify.webhook import WebhookChannel  # an HTTP client is loaded only where there is one to call

    secret = None if settings.secret is None else settings.secret.get_secret_value()
    return WebhookChannel(settings.url.get_secret_value(), secret, name=f"webhook:{name}")


def _deliver(channel: Channel, records: Sequence[Record[Transition]], delivered: Container[str]) -> list[Delivery]:
    done: list[Delivery] = []
    failure: str | None = None
    for record in records:
        step = record.value
        key = key_of(step, channel.name)
        if key in delivered:
            continue
        state: DeliveryState = "failed"
        error = failure
        if failure is None:
            state, error = _try(channel, record, key)
            failure = error if state == "failed" else None
        done.append(Delivery(key, record.stamp.run, step.incident_id, step.version, channel.name, state, error))
    return done


def _try(channel: Channel, record: Record[Transition], key: str) -> tuple[DeliveryState, str | None]:
    try:
        channel.deliver(record, key)
    except TransientError as error:
        log.warning("delivery failed", extra={"channel": channel.name, "key": key, "error": error.message})
        return "failed", error.message
    except DeliveryRefused as error:
        log.error("delivery refused", extra={"channel": channel.name, "key": key, "error": error.message})
        return "refused", error.message
    return "delivered", None
