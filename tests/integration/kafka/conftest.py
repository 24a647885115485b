"""A bus on the shared broker; all of these tests run in one worker of xdist, beside one broker."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

LONG = os.environ.get("POSEBUS_LONG") == "1"
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("kafka"))


@pytest.fixture
def long() -> bool:
    """Whether outages last as long as they do in life; POSEBUS_LONG=1."""
    return LONG
