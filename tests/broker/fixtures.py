"""Fixtures: a broker that the session's tests share, and clusters of a test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from pipeline.bus.kafka import KafkaBus
from pipeline.core.ports import TopicSpec
from tests.broker.cluster import Cluster
from tests.broker.java import MissingProgram, jars, java

NewCluster = Callable[..., Cluster]


def needs_broker() -> None:
    """Skip where a broker cannot be run; under CI=true no such skip is allowed."""
    try:
        java()
        jars()
    except MissingProgram as error:
        pytest.skip(f"kafka: {error}; on Debian: apt-get install maven default-jre-headless")


@pytest.fixture(scope="session")
def kafka() -> Iterator[Cluster]:
    """A broker for all tests that leave it alive."""
    needs_broker()
    with Cluster() as cluster:
        _first_group(cluster)
        yield cluster


@pytest.fixture
def new_cluster() -> Iterator[NewCluster]:
    """Starts clusters of the test's own, to be killed and paused."""
    needs_broker()
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(Cluster(**settings))


@pytest.fixture
def kafka_bus(kafka: Cluster) -> Iterator[KafkaBus]:
    """A bus on the shared broker, with topics and groups of its own."""
    bus = bus_on(kafka)
    yield bus
    bus.close()


def _first_group(cluster: Cluster) -> None:
    """The first group of all waits for the topic of offsets to be made."""
    bus = bus_on(cluster)
    bus.ensure([TopicSpec("t")])
    consumer = bus.consumer("c", "g", ["t"])
    while not consumer.poll(0.2).assigned:
        pass
    bus.close()


def bus_on(cluster: Cluster, **settings: Any) -> KafkaBus:
    """A bus with names of its own."""
    return KafkaBus(cluster.servers, prefix=f"{uuid4().hex[:10]}.", **settings)
