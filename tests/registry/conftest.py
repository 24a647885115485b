"""Registries to ask: the fake one, and a real one where POSEBUS_TEST_REGISTRY_URL names it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.registry.fake import FakeRegistry, served


@pytest.fixture
def fake_registry() -> Iterator[FakeRegistry]:
    """A registry of the test's own."""
    with served(FakeRegistry()) as registry:
        yield registry


@pytest.fixture(params=["fake", "real"])
def registry_url(request: pytest.FixtureRequest) -> str:
    """Where a registry answers."""
    if request.param == "fake":
        fake: FakeRegistry = request.getfixturevalue("fake_registry")
        return fake.url
    url = os.environ.get("POSEBUS_TEST_REGISTRY_URL")
    if not url:
        pytest.skip("schema registry: POSEBUS_TEST_REGISTRY_URL names no real one; the fake one alone is tried")
    return url


@pytest.fixture
def prefix() -> str:
    """Of subjects that nobody else has."""
    return f"{uuid4().hex[:10]}."
