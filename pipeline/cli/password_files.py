"""Passwords of an installation's logins, in files: made once, then kept."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from pipeline.core.errors import ConfigError

LOGINS: Mapping[str, str] = {"owner": "posebus", "writer": "sink", "reader": "reader"}
"""Login of the database by folder: the owner of the schema, who stores, who asks."""

_PASSWORD, _PGPASS = "password", "pgpass"
_BYTES = 24
_PRIVATE = 0o600


def ensure_passwords(folder: Path) -> dict[str, str]:
    """The password of each login; where `folder/NAME/password` is not there it is made.

    Beside it lies `pgpass`, what libpq's PGPASSFILE names. Each login has a folder of its own, to be given to those
    alone who need it. The owner's password is readable for all who can come to its folder, for the database server
    that takes it from there runs as another user; a `folder` that is made here lets nobody else in.

    Raises ConfigError where a file cannot be written, or holds no password.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {kind: _ensured(folder / kind, login, shared=kind == "owner") for kind, login in LOGINS.items()}
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: the passwords cannot be kept there ({error.strerror})",
            hint=f"make {folder} writable for user {os.getuid()}",
        ) from error


def _ensured(folder: Path, login: str, *, shared: bool) -> str:
    folder.mkdir(mode=0o755 if shared else 0o700, exist_ok=True)
    file = folder / _PASSWORD
    if not file.exists():
        _write(file, f"{secrets.token_urlsafe(_BYTES)}\n", 0o444 if shared else _PRIVATE)
    password = file.read_text().removesuffix("\n")
    if not password or not password.isprintable():
        raise ConfigError(f"{file}: expected one line with a password", hint="remove the file: a new one is made")
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    line = f"*:*:*:{login}:{escaped}\n"
    beside = folder / _PGPASS
    if not beside.exists() or beside.read_text() != line:
        _write(beside, line, _PRIVATE)
    return password


def _write(file: Path, content: str, mode: int) -> None:
    """All of it or nothing, also when killed in between."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "w") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    partial.chmod(mode)
    partial.replace(file)
