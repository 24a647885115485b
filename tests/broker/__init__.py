"""A real Kafka broker (KRaft) for tests: `python -m tests.broker` prints its address and runs until it is ended."""

from tests.broker.cluster import Cluster
from tests.broker.java import BrokerError, MissingProgram
from tests.broker.node import Node

__all__ = ["BrokerError", "Cluster", "MissingProgram", "Node"]
