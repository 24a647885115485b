"""Whether the worker of this container works: exit code 0, or 1 with the reason. Ends one that stands still.

Docker notices what is unhealthy and leaves it so; restarts follow only an end. So a worker that answered once, and then
not or badly for six checks in a row, a minute, is killed here, and `restart:` takes it up again.
"""

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

PORT = int(os.environ.get("POSEBUS_WORKER_METRICS_PORT", "9100"))
PATIENCE_S = 5.0
BAD_IN_A_ROW = 6
NOTES = Path(os.environ.get("TMPDIR", "/tmp"), "healthy")
"""Bad checks since the last good one; absent before the first good one."""

INITS = ("docker-init", "tini", "catatonit")
"""What stands first in a container with `init: true`; elsewhere nothing is ended."""


def main() -> int:
    """Ask once, and note the answer."""
    good, said = asked()
    sys.stdout.write(f"{said}\n")
    if good:
        NOTES.write_text("0")
        return 0
    if NOTES.exists():
        bad = int(NOTES.read_text() or 0) + 1
        if bad >= BAD_IN_A_ROW and (worker := first_child()):
            sys.stdout.write(f"ended process {worker}\n")
            NOTES.unlink()
            os.kill(worker, signal.SIGKILL)
        else:
            NOTES.write_text(str(bad))
    return 1


def asked() -> tuple[bool, str]:
    """Whether the worker says that it is well, and what it says. By hand: http.client would cost five times as much."""
    try:
        with socket.create_connection(("127.0.0.1", PORT), PATIENCE_S) as link:
            link.settimeout(PATIENCE_S)
            link.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            answer = b""
            while part := link.recv(4096):
                answer += part
    except OSError as error:
        return False, f"no answer on port {PORT}: {error}"
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split(b" ", 2)[1:2] == [b"200"], body.decode(errors="replace").strip()


def first_child() -> int:
    """The worker: the child of process 1, which is the `init` of a container; 0 where it is not to be found."""
    if Path("/proc/1/comm").read_text().strip() not in INITS:
        return 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and folder.name != str(os.getpid()):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                words = (folder / "stat").read_text().rpartition(")")[2].split()
                if words[1] == "1":
                    return int(folder.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
