"""The implementations that each contract suite runs on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.buses import BUSES, BusUnderTest
from tests.contract.sinks import SINKS, SinkUnderTest
from tests.contract.stores import STORES, StoreUnderTest


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.xdist_group("kafka"))])
def under(request: pytest.FixtureRequest) -> Iterator[BusUnderTest]:
    needs = [request.getfixturevalue("kafka")] if request.param == "kafka" else []
    with BUSES[request.param](*needs) as bus:
        yield bus


@pytest.fixture(params=sorted(STORES))
def stores(request: pytest.FixtureRequest) -> Iterator[StoreUnderTest]:
    with STORES[request.param]() as store:
        yield store


@pytest.fixture(params=sorted(SINKS))
def sinks(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SinkUnderTest]:
    with SINKS[request.param](tmp_path) as sink:
        yield sink
