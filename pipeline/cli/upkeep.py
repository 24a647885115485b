"""Keeps the history within its policy while a command runs that writes to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.core.history import HistoryPolicy
from pipeline.database import Database
from pipeline.runners.worker.aside import again_and_again

UPKEEP_S = 60.0


@contextmanager
def history_kept(database: Database, policy: HistoryPolicy | None) -> Iterator[None]:
    """A round of upkeep every minute while the block lasts.

    Args:
        policy: Applied once: whoever changes it after that (`posebus db maintain`) is not overruled. None leaves it.
    """
    wanted = policy

    def keep() -> None:
        nonlocal wanted
        database.maintain(wanted)
        wanted = None

    with again_and_again("upkeep of the history", keep, UPKEEP_S):
        yield
