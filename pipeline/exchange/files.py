"""Files that are there as a whole or not at all, and their names."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from pipeline.core.errors import ConfigError

_PARTIAL = ".partial"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LONGEST = 120


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its name at the end of the block, and leaves nothing when the block fails.

    Raises:
        ConfigError: It cannot be written: disk full, no permission, no such folder.
    """
    partial = path.with_name(f".{path.name}{_PARTIAL}")
    try:
        with partial.open("wb", buffering=1 << 20) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        _remove(partial)
        raise not_written(path, error) from error
    except BaseException:
        _remove(partial)
        raise


@contextmanager
def scratch_file(folder: Path) -> Iterator[BinaryIO]:
    """A file without a name that is gone after the block; on the same disk as what is made of it."""
    partial = folder / f".scratch-{os.getpid()}{_PARTIAL}"
    try:
        file = partial.open("w+b", buffering=1 << 20)
        partial.unlink()
    except OSError as error:
        raise not_written(partial, error) from error
    with file:
        yield file


def make_folder(path: Path) -> None:
    """Make a folder and those above it. Raises ConfigError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(path, error) from error


def remove_leftovers(folder: Path) -> None:
    """Remove what a program that was killed left unfinished in a folder and those below. Raises ConfigError."""
    for partial in folder.rglob(f".*{_PARTIAL}"):
        try:
            partial.unlink()
        except OSError as error:
            raise not_written(partial, error) from error


def not_written(path: Path, error: OSError) -> ConfigError:
    """Our error for one of the file system."""
    if error.errno in _FULL:
        return ConfigError(
            f"{path} cannot be written: {os.strerror(error.errno or 0)}",
            hint="free some space, or write somewhere else; the same command goes on where a folder was left off",
        )
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.ENOENT:
        reason = f"there is no folder {path.parent}"
    return ConfigError(f"{path} cannot be written: {reason}", hint="name a file or folder that you may write, with -o")


def safe_name(text: str) -> str:
    """A text as the name of a file: the same text gives the same name, another one another."""
    plain = quote(text.encode("utf-8", "surrogatepass"), safe=" @+,=()").replace("~", "%7E")
    if plain.startswith("."):
        plain = f"%2E{plain[1:]}"
    if len(plain) > _LONGEST:
        plain = f"{plain[:_LONGEST]}~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    return plain


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
