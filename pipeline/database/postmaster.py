"""What a data folder says about the server that runs on it."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.database.places import SOCKET_NAME


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The living server of a data folder, as its postmaster.pid tells.

    Attributes:
        sockets: Folder of its Unix socket; empty while it starts.
        ready: It takes connections.
    """

    pid: int
    sockets: str
    ready: bool


def find_postmaster(data: Path) -> Postmaster | None:
    """The server that runs on `data`, or None. A number that now belongs to another program counts as None."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None
    if not _runs_on(pid, data):
        return None
    lines += [""] * 8  # written line by line while the server starts
    return Postmaster(pid, sockets=lines[4].strip(), ready=lines[7].strip() == "ready")


def forget_stranger(data: Path, sockets: Path) -> None:
    """Remove the lock files of a dead server of `data` whose number something else has now, a zombie included.

    PostgreSQL removes them by itself when nothing has the number; when something has, it refuses to start, which in
    containers happens after each restart. That no orphan of the dead server still writes is checked by the new one
    (it looks for shared memory made for the same data folder).
    """
    for file in (data / "postmaster.pid", sockets / f"{SOCKET_NAME}.lock"):
        with suppress(FileNotFoundError, ValueError, IndexError):
            pid = int(file.read_text().splitlines()[0])
            if _exists(pid) and not _runs_on(pid, data):
                file.unlink()


def _exists(pid: int) -> bool:
    with suppress(ChildProcessError):  # where we are process 1, a dead server is our zombie
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _runs_on(pid: int, data: Path) -> bool:
    """Process `pid` is a PostgreSQL server whose working folder is `data`."""
    if pid <= 1 or not _exists(pid):
        return False
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cwd").readlink() == data.resolve()
        except OSError:  # gone, a zombie, or another user's
            return False
    listed = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return "postgres" in listed.stdout and str(data.name) in listed.stdout
