"""A folder with the data of one PostgreSQL server: made, started and stopped by the server's own programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pipeline.core.errors import DatabaseError, SinkUnavailable
from pipeline.database import binaries
from pipeline.database.places import Runner, socket_folder
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


class Cluster:
    """The server of one folder. Whoever starts or stops it holds a lock meanwhile: see `server`.

    Args:
        folder: Of the user who runs the server, and private.
        runner: That user.
    """

    def __init__(self, folder: Path, runner: Runner) -> None:
        self._folder = folder
        self._runner = runner
        self._data = folder / "data"
        self._log = folder / "postgresql.log"
        self._sockets = socket_folder(folder, runner)

    @property
    def initialised(self) -> bool:
        """There is a data folder."""
        return (self._data / "PG_VERSION").exists()

    @property
    def log(self) -> Path:
        """The server's log."""
        return self._log

    def find(self) -> Postmaster | None:
        """The server, when it runs."""
        return find_postmaster(self._data, self._sockets)

    def socket(self) -> Path:
        """Folder of the server's socket."""
        found = self.find()
        return Path(found.sockets) if found and found.sockets else self._sockets

    def ensure_running(self) -> None:
        """Make the data folder where it is missing, start the server where it does not run, wait until it is ready.

        Raises:
            SinkUnavailable: Something that can pass, such as a full disk.
            DatabaseError: It cannot be started.
        """
        try:
            self._ensure_running()
        except OSError as error:
            raise self._refusal("does not start", f"{error.filename}: {error.strerror}") from error

    def stop(self) -> None:
        """Stop the server if it runs. Raises DatabaseError."""
        if self.find() is None:
            return
        failed = self._run(
            self._programs() / "pg_ctl", "stop", "--pgdata=data", "--mode=fast", "--wait", "--timeout=60"
        )
        if failed is not None and self.find() is not None:
            raise self._refusal("does not stop", failed)

    def _ensure_running(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while (found := self.find()) is not None:  # left over, by whomever: ready, starting or stopping
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
        conf = self._data / "posebus.conf"
        conf.write_text(f"{_SETTINGS}unix_socket_directories = '\"{sockets}\"'\n")
        os.chown(conf, self._runner.uid, self._runner.gid)
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT_BYTES:
            self._log.rename(self._log.with_suffix(".log.1"))

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
