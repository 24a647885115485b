"""Locks among processes on one folder: who starts and stops the server, and who uses it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.errors import DatabaseError

_POLL_S = 0.02


@contextmanager
def exclusive(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock file alone. Raises DatabaseError when another process keeps it for `timeout_s`."""
    descriptor = _open(path)
    try:
        deadline = time.monotonic() + timeout_s
        while not _try(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise DatabaseError(
                    f"another process has held {path} for more than {timeout_s:.0f} s",
                    hint="end the posebus process that is starting or stopping the embedded database",
                )
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)


def share(path: Path) -> int:
    """Hold the lock file together with others; released by closing the returned descriptor, or by our end."""
    descriptor = _open(path)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def is_shared(path: Path) -> bool:
    """Some process holds the lock file."""
    descriptor = _open(path)
    try:
        return not _try(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseError(
            f"the lock file {path} cannot be opened: {error.strerror}",
            hint="free some space, or set POSEBUS_HOME to a folder that you can write to",
        ) from error


def _try(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
