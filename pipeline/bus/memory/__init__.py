"""Kafka within one process: the same order, groups, redelivery and late failures, without a broker."""

from pipeline.bus.memory.bus import MemoryBus
from pipeline.bus.memory.consumer import MemoryConsumer
from pipeline.bus.memory.faults import Faults
from pipeline.bus.memory.producer import MemoryProducer

__all__ = ["Faults", "MemoryBus", "MemoryConsumer", "MemoryProducer"]
