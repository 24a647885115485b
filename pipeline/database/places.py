"""Which folders the embedded database uses and which user runs it."""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import DatabaseError
from pipeline.database import binaries

SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 100
"""Bytes; sun_path holds 108 on Linux and 104 on macOS, with the final zero."""


@dataclass(frozen=True, slots=True)
class Runner:
    """The user that runs the server: PostgreSQL refuses root.

    Attributes:
        switch: We are root and the server is another user.
    """

    uid: int
    gid: int
    switch: bool


def server_runner() -> Runner:
    """Ourselves, or `nobody` when we are root."""
    if os.geteuid() != 0:
        return Runner(os.geteuid(), os.getegid(), switch=False)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise DatabaseError(
            "PostgreSQL does not run as root, and this system has no user `nobody` to run it",
            hint="run posebus as an ordinary user, or give your own server with --db",
        ) from None
    return Runner(nobody.pw_uid, nobody.pw_gid, switch=True)


def database_folder(home: Path, runner: Runner) -> Path:
    """The folder of the database of this home, made when it is not there; private to the server's user.

    It is `home/database`. Where the server's user cannot reach that (a home under /root), `home/database` is a link
    to a folder of the system, so that the choice stays the same in later runs.
    """
    home = home.expanduser().absolute()
    folder = home / "database"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if runner.switch and not folder.exists() and not folder.is_symlink() and not reachable_by_others(home):
            elsewhere = binaries.SYSTEM_FOLDER / _short_hash(str(home.resolve()))
            elsewhere.mkdir(parents=True, exist_ok=True)
            elsewhere.parent.chmod(0o755)
            folder.symlink_to(elsewhere)
        folder = folder.resolve()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != runner.uid:
            if not runner.switch or any(folder.iterdir()):
                raise DatabaseError(
                    f"{folder} belongs to another user (uid {folder.stat().st_uid}, expected {runner.uid})",
                    hint="run posebus as the user who made it, or set POSEBUS_HOME to another folder",
                )
            os.chown(folder, runner.uid, runner.gid)
        folder.chmod(0o700)
    except OSError as error:
        raise DatabaseError(
            f"the folder of the embedded database cannot be made: {folder}: {error.strerror}",
            hint="set POSEBUS_HOME to a folder that you can write to",
        ) from error
    return folder


def reachable_by_others(folder: Path) -> bool:
    """Every user may pass through `folder` and all that is above it."""
    resolved = folder.resolve()
    return all(path.stat().st_mode & stat.S_IXOTH for path in (resolved, *resolved.parents))


def socket_folder(folder: Path, runner: Runner) -> Path:
    """`folder` itself, or a short private one where its path is too long for a socket or holds a comma.

    libpq takes a comma for the end of a host.
    """
    if len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_LIMIT and "," not in str(folder):
        return folder
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    name = f"posebus-{runner.uid}-{_short_hash(str(folder))}"
    for parent in (*([Path(runtime)] if runtime and not runner.switch else []), Path("/tmp")):  # short on every system
        short = parent / name
        if len(os.fsencode(short / SOCKET_NAME)) > SOCKET_PATH_LIMIT:
            continue
        try:
            if not short.is_dir():
                short.mkdir(mode=0o700)
                os.chown(short, runner.uid, runner.gid)
            found = short.lstat()
        except OSError:
            continue
        if stat.S_ISDIR(found.st_mode) and found.st_uid == runner.uid and not found.st_mode & 0o077:
            return short
    raise DatabaseError(
        f"no place for the socket of the embedded database: {folder} does not do, and /tmp/{name} is not ours",
        hint="set POSEBUS_HOME to a folder with a shorter path, without commas",
    )


def _short_hash(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:10]
