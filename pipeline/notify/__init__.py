"""Delivery of incidents: to the log and by webhook."""

from pipeline.core.deliveries import Delivery
from pipeline.notify.base import Channel, DeliveryRefused
from pipeline.notify.log import LogChannel
from pipeline.notify.notifier import Notifier, notifier_of

__all__ = [
    "Channel",
    "Delivery",
    "DeliveryRefused",
    "LogChannel",
    "Notifier",
    "notifier_of",
]
