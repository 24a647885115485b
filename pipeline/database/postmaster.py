"""What a data folder says about the server that runs on it."""

from __future__ import annotations

import hashlib
import os
import socket
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


def mark_of(data: Path) -> str:
    """A name that the server of this data folder is started under; it stands in its command line."""
    return f"posebus-{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}"


def find_postmaster(data: Path, sockets: Path) -> Postmaster | None:
    """The server that runs on `data`, or None. A number that now belongs to another program counts as None.

    Args:
        data: The data folder, absolute.
        sockets: Where its socket should be.
    """
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None
    if not _runs_on(pid, data, sockets):
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
            if _exists(pid) and not _runs_on(pid, data, sockets):
                file.unlink()


def _exists(pid: int) -> bool:
    if os.getpid() == 1:  # in a container without an init, a dead server is our zombie
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _runs_on(pid: int, data: Path, sockets: Path) -> bool:
    """Process `pid` is the server of `data`."""
    if pid <= 1 or not _exists(pid):
        return False
    command = _command(pid)
    return _listens(sockets) if command is None else mark_of(data) in command


def _command(pid: int) -> str | None:
    """The command line of a process, empty for a zombie; None where the system hides it.

    Not its working folder: root in a container may not read that of another user.
    """
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return None
    listed = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return listed.stdout


def _listens(sockets: Path) -> bool:
    """Some process takes connections on the socket there."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(sockets / SOCKET_NAME))
        except OSError:
            return False
    return True
