"""The embedded PostgreSQL: a server of our own on a private socket, shared by the processes that use it."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pipeline.core.errors import DatabaseError, SinkUnavailable
from pipeline.database import binaries, locks
from pipeline.database.places import Runner, database_folder, server_runner, socket_folder
from pipeline.database.postmaster import Postmaster, find_postmaster, forget_stranger, mark_of

START_TIMEOUT_S = 120.0
_LOG_LIMIT_BYTES = 16 << 20

_SETTINGS = """\
# Written by posebus at each start; put your own lines into postgresql.auto.conf (ALTER SYSTEM).
listen_addresses = ''
unix_socket_permissions = 0700
port = 5432
max_connections = 60
shared_buffers = 128MB
max_wal_size = 1GB
wal_compression = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_checkpoints = off
"""


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
        self._runner: Runner = server_runner()
        self._folder = database_folder(home, self._runner)
        self._data = self._folder / "data"
        self._sockets = socket_folder(self._folder, self._runner)
        self._log = self._folder / "postgresql.log"
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
            if not keep and self._joined is not None and (found := self._find()) and found.ready:
                return
            with self._turn():
                if self._joined is None:
                    self._joined = locks.share(self._users)
                    atexit.register(self._leave_at_exit)
                if keep:
                    self._keep.touch()
                self._ensure_running()

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
                    self._stop()

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
            running = self._find() is not None
            self._stop()
            return running

    def status(self) -> ServerStatus:
        """What is known now, without starting anything."""
        found = self._find()
        return ServerStatus(
            folder=self._folder,
            log=self._log,
            initialised=(self._data / "PG_VERSION").exists(),
            running=found is not None,
            pid=found.pid if found else None,
            kept=self._keep.exists(),
            used=locks.is_shared(self._users),
        )

    def socket(self) -> Path:
        """Folder of the server's socket."""
        found = self._find()
        return Path(found.sockets) if found and found.sockets else self._sockets

    def url(self, user: str) -> str:
        """Address for libpq; works while the server runs, for the user who runs posebus."""
        return f"postgresql://{quote(user)}@/postgres?host={quote(str(self.socket()), safe='')}"

    def _find(self) -> Postmaster | None:
        return find_postmaster(self._data, self._sockets)

    def _turn(self) -> AbstractContextManager[None]:
        return locks.exclusive(self._folder / "start.lock", timeout_s=START_TIMEOUT_S + 30)

    def _leave_at_exit(self) -> None:
        if os.getpid() == self._process:  # not in a child that was forked from us
            self.leave()

    def _ensure_running(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while (found := self._find()) is not None:  # left over, by whomever: ready, starting or stopping
            if found.ready:
                return
            if time.monotonic() > deadline:
                raise SinkUnavailable(
                    f"the embedded database (process {found.pid}) does not get ready within {START_TIMEOUT_S:.0f} s",
                    hint=f"it may be recovering after a crash; see {self._log}",
                )
            time.sleep(0.05)
        programs = self._programs()
        self._ensure_data(programs)
        self._configure()
        forget_stranger(self._data, self._sockets)
        while True:
            failed = self._run(
                programs / "pg_ctl",
                *("start", "--pgdata=data", f"--log={self._log.name}", "--wait", f"--timeout={START_TIMEOUT_S:.0f}"),
                f"--options=-c cluster_name={mark_of(self._data)}",
            )
            if failed is None:
                return
            reason = self._last_words() or failed
            # Children of a killed server need a moment to notice that it is gone.
            if "shared memory block" not in reason or time.monotonic() > deadline:
                raise self._refusal("does not start", reason)
            time.sleep(0.1)

    def _programs(self) -> Path:
        if not self._runner.switch:
            return binaries.wheel_programs()
        return binaries.programs_for_everyone(binaries.SYSTEM_FOLDER, self._folder)

    def _ensure_data(self, programs: Path) -> None:
        """A data folder of our version. It is made aside and renamed, so a kill leaves all of it or nothing."""
        if self._data.exists():
            found = (self._data / "PG_VERSION").read_text().strip() if (self._data / "PG_VERSION").exists() else "?"
            if found != str(binaries.MAJOR):
                raise DatabaseError(
                    f"{self._data} was made by PostgreSQL {found}; this posebus brings PostgreSQL {binaries.MAJOR}",
                    hint="use the posebus that made it, or move the folder away to begin with an empty database",
                )
            return
        building = self._folder / "data.new"
        if building.exists():
            shutil.rmtree(building)
        failed = self._run(
            programs / "initdb",
            *(f"--pgdata={building.name}", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
        )
        if failed is not None:
            shutil.rmtree(building, ignore_errors=True)
            raise self._refusal("cannot be made", failed)
        with (building / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude_if_exists = 'posebus.conf'\n")
        building.rename(self._data)

    def _configure(self) -> None:
        """Write our settings, and put a long log aside."""
        sockets = str(self._sockets).replace('"', '""').replace("'", "''")
        try:
            conf = self._data / "posebus.conf"
            conf.write_text(f"{_SETTINGS}unix_socket_directories = '\"{sockets}\"'\n")
            os.chown(conf, self._runner.uid, self._runner.gid)
            if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT_BYTES:
                self._log.rename(self._log.with_suffix(".log.1"))
        except OSError as error:
            raise self._refusal("does not start", f"{conf}: {error.strerror}") from error

    def _stop(self) -> None:
        if self._find() is None:
            return
        failed = self._run(
            self._programs() / "pg_ctl", "stop", "--pgdata=data", "--mode=fast", "--wait", "--timeout=60"
        )
        if failed is not None and self._find() is not None:
            raise self._refusal("does not stop", failed)

    def _run(self, program: Path, *arguments: str) -> str | None:
        """Run a program of the server in our folder; None, or why it failed."""
        # The folder is the working folder, so that no path of the user's passes through a shell of pg_ctl.
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
        # A file, not a pipe: the server inherits it and would keep a pipe open.
        with tempfile.TemporaryFile() as output:
            try:
                done = subprocess.run(
                    [program, *arguments],
                    cwd=self._folder,
                    env={**environment, "LC_ALL": "C", "TZ": "UTC"},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    umask=0o077,
                    start_new_session=True,  # Ctrl-C is for us, not for the server
                    check=False,
                    user=self._runner.uid if self._runner.switch else None,
                    group=self._runner.gid if self._runner.switch else None,
                    extra_groups=() if self._runner.switch else None,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise DatabaseError(
                    f"{program.name} of the embedded database cannot be run: {error}",
                    hint="run posebus as an ordinary user, or give your own server with --db",
                ) from error
            if done.returncode == 0:
                return None
            output.seek(0)
            lines = _telling(output.read().decode(errors="replace").splitlines())
            return lines or f"{program.name} ended with {done.returncode}"

    def _last_words(self) -> str:
        """The last complaint in the server's log."""
        try:
            with self._log.open("rb") as log:
                log.seek(max(0, self._log.stat().st_size - 4096))
                return _telling(log.read().decode(errors="replace").splitlines())
        except OSError:
            return ""

    def _refusal(self, what: str, reason: str) -> DatabaseError | SinkUnavailable:
        message = f"the embedded database {what}: {reason}"
        if "No space left on device" in reason or "Disk quota exceeded" in reason:
            return SinkUnavailable(
                message, retry_after_s=10.0, hint=f"free some space on the disk of {self._folder} (the disk is full)"
            )
        hints = {
            "Permission denied": f"the user who runs the server must own {self._folder} and all in it",
            "lock file": f"another program may use {self._data}; see {self._log}",
            "could not map anonymous shared memory": "this machine has too little free memory for the server (150 MB)",
        }
        hint = next((hint for words, hint in hints.items() if words in reason), f"see {self._log}")
        return DatabaseError(message, hint=hint)


def _telling(lines: Sequence[str]) -> str:
    """The line that says most about a failure."""
    for word in ("PANIC", "FATAL", "ERROR", "error:", "could not"):
        for line in reversed(lines):
            if word in line:
                return line.split(f"{word}: ", 1)[-1].strip() if word.isupper() else line.strip()
    return lines[-1].strip() if lines else ""
