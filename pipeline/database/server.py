"""The embedded PostgreSQL: a server of our own on a private socket, shared by the processes that use it."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pipeline.core.errors import DatabaseError, PosebusError
from pipeline.database import locks
from pipeline.database.cluster import START_TIMEOUT_S, Cluster
from pipeline.database.places import database_folder, server_runner

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What can be told of an embedded server without starting it.

    Attributes:
        initialised: There is a data folder.
        kept: `db start` asked that it stays on after its last user.
        used: Some process uses it.
    """

    folder: Path
    log: Path
    initialised: bool
    running: bool
    pid: int | None
    kept: bool
    used: bool


class EmbeddedServer:
    """PostgreSQL from the wheel, for one POSEBUS_HOME. Processes join it; the last one to leave stops it.

    A process that is killed drops out by itself (its lock goes with it); the server that it left on is found again
    by the next one. A killed server is started again by whoever connects next.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        runner = server_runner()
        self._folder = database_folder(home, runner)
        self._cluster = Cluster(self._folder, runner)
        self._users = self._folder / "users.lock"
        self._keep = self._folder / "keep"
        self._joined: int | None = None
        self._process = os.getpid()
        self._mutex = threading.Lock()

    def start(self, *, keep: bool = False) -> None:
        """Join as a user, and start the server if it does not run; again and again is harmless.

        Args:
            keep: It stays on after its last user has left, until `stop`.

        Raises:
            SinkUnavailable: Something that can pass, such as a full disk.
            DatabaseError: It cannot be started.
        """
        with self._mutex:
            if not keep and self._joined is not None and (found := self._cluster.find()) and found.ready:
                return
            with self._turn():
                if self._joined is None:
                    self._joined = locks.share(self._users)
                    atexit.register(self._leave_at_exit)
                if keep:
                    self._keep.touch()
                self._cluster.ensure_running()

    def leave(self) -> None:
        """Stop being a user; the last one stops the server, unless it is kept."""
        with self._mutex:
            if self._joined is None:
                return
            atexit.unregister(self._leave_at_exit)
            with self._turn():
                os.close(self._joined)
                self._joined = None
                if not self._keep.exists() and not locks.is_shared(self._users):
                    self._cluster.stop()

    def stop(self) -> bool:
        """Stop the server also if it was to be kept; False if it did not run. Raises DatabaseError while used."""
        with self._mutex, self._turn():
            if self._joined is not None:
                os.close(self._joined)
                self._joined = None
                atexit.unregister(self._leave_at_exit)
            if locks.is_shared(self._users):
                raise DatabaseError(
                    "the embedded database is in use by another posebus process",
                    hint="end that process first (Ctrl-C); the database stops with its last user",
                )
            self._keep.unlink(missing_ok=True)
            running = self._cluster.find() is not None
            self._cluster.stop()
            return running

    def status(self) -> ServerStatus:
        """What is known now, without starting anything."""
        found = self._cluster.find()
        return ServerStatus(
            folder=self._folder,
            log=self._cluster.log,
            initialised=self._cluster.initialised,
            running=found is not None,
            pid=found.pid if found else None,
            kept=self._keep.exists(),
            used=locks.is_shared(self._users),
        )

    def socket(self) -> Path:
        """Folder of the server's socket."""
        return self._cluster.socket()

    def url(self, user: str) -> str:
        """Address for libpq; works while the server runs, for the user who runs posebus."""
        return f"postgresql://{quote(user)}@/postgres?host={quote(str(self.socket()), safe='')}"

    def _turn(self) -> AbstractContextManager[None]:
        return locks.exclusive(self._folder / "start.lock", timeout_s=START_TIMEOUT_S + 30)

    def _leave_at_exit(self) -> None:
        if os.getpid() == self._process:  # not in a child that was forked from us
            try:
                self.leave()
            except PosebusError as error:
                log.warning("embedded database left on", extra={"reason": error.message, "folder": str(self._folder)})
