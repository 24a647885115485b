"""The database of a posebus: one thing to open, and from it all that reads and writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType

from pipeline.core.errors import DatabaseError, PosebusError, SinkUnavailable
from pipeline.core.history import HistoryPolicy
from pipeline.database import held, upkeep
from pipeline.database.backup import BackupSummary, Progress, backup, restore
from pipeline.database.cameras import DatabaseCameras
from pipeline.database.connect import Address, Role
from pipeline.database.cuts import PostgresCuts
from pipeline.database.erase import Receipt, erase
from pipeline.database.frames import FrameReader
from pipeline.database.held import Grant
from pipeline.database.migrate import migrate, plan
from pipeline.database.numbers import LastNumbers, is_attached, last_numbers, seen_between
from pipeline.database.outbox import Outbox
from pipeline.database.query import Answer, Row, ask, streamed
from pipeline.database.registry import CameraRegistry, SourceTimes
from pipeline.database.runs import Run, remove_run, runs
from pipeline.database.server import EmbeddedServer
from pipeline.database.sink import PostgresSink
from pipeline.database.upkeep import HistoryStatus, Upkeep


def open_database(dsn: str | None, home: Path, *, migrate: bool = True, world: bool = True) -> Database:
    """The database at `dsn`, or the embedded one of this home, which is started.

    Args:
        dsn: An address as libpq takes it, or None.
        home: POSEBUS_HOME, of the embedded database.
        migrate: Bring the schema to this version. Otherwise the connection is only tried.
        world: Whether the metres of keypoints that are written rest too.

    Raises:
        DatabaseError: It cannot be reached or refuses, with what to do.
    """
    database = Database(Address(dsn) if dsn is not None else Address(server=EmbeddedServer(home)), world=world)
    try:
        if migrate:
            database.migrate()
        else:
            database.check()
    except BaseException:
        with suppress(PosebusError):  # what went wrong first is what is told
            database.close()
        raise
    return database


class Database:
    """A database that answered. Close it: the last user of the embedded one stops its server."""

    def __init__(self, address: Address, *, world: bool = True) -> None:
        self.address = address
        self._world = world
        self._sinks: list[PostgresSink] = []
        self._cuts = PostgresCuts(address, world=world)
        self._registry = CameraRegistry(address)
        self._times = SourceTimes(address)
        self._cameras = DatabaseCameras(address, self._registry)
        self._outbox = Outbox(address)

    def url(self, role: Role = "reader") -> str:
        """Its address for other programs, never with a password."""
        return self.address.url(role)

    def check(self) -> None:
        """Connect once. Raises DatabaseError."""
        try:
            self.address.connect("owner").close()
        except SinkUnavailable as error:
            raise DatabaseError(error.message, hint=error.hint) from error

    def migrate(self) -> tuple[str, ...]:
        """Bring the schema to this version; names of the files that were applied. Raises DatabaseError."""
        try:
            connection = self.address.connect("owner")
            try:
                applied = migrate(connection, str(self.address), logins=self.address.server is not None)
            finally:
                connection.close()
        except SinkUnavailable as error:
            raise DatabaseError(error.message, hint=error.hint) from error
        return tuple(migration.name for migration in applied)

    def plan(self) -> tuple[str, ...]:
        """Names of the files that `migrate` would apply. Raises DatabaseError."""
        try:
            connection = self.address.connect("owner")
            try:
                return tuple(migration.name for migration in plan(connection, str(self.address)))
            finally:
                connection.close()
        except SinkUnavailable as error:
            raise DatabaseError(error.message, hint=error.hint) from error

    def sink(self, consumer: str = "sink") -> PostgresSink:
        """A new sink."""
        sink = PostgresSink(self.address, consumer, world=self._world)
        self._sinks.append(sink)
        return sink

    def cuts(self) -> PostgresCuts:
        """The store of cuts; always the same."""
        return self._cuts

    def registry(self) -> CameraRegistry:
        """The camera registry; always the same."""
        return self._registry

    def cameras(self) -> DatabaseCameras:
        """The cameras that were added, and how they are; always the same."""
        return self._cameras

    def times(self) -> SourceTimes:
        """The memory of when files began; always the same."""
        return self._times

    def last_numbers(self, camera_no: int, run: int = 0) -> LastNumbers:
        """The highest numbers of a camera's rows; see `numbers.last_numbers`."""
        return last_numbers(self.address, run, camera_no)

    def seen_between(self, run: int, tracks: Sequence[int]) -> dict[int, tuple[int, int]]:
        """When tracks were first and last seen; see `numbers.seen_between`."""
        return seen_between(self.address, run, tracks)

    def is_attached(self, camera_no: int) -> bool:
        """Whether a camera is filmed, or will be; see `numbers.is_attached`."""
        return is_attached(self.address, camera_no)

    def outbox(self) -> Outbox:
        """What is still to be delivered; always the same."""
        return self._outbox

    def query(self, statement: str, run: int = 0) -> Answer[list[Row]]:
        """Ask one statement as the reader, all rows at once. Raises DatabaseError."""
        return ask(self.address, statement, run)

    def stream(self, statement: str, run: int = 0) -> AbstractContextManager[Answer[Iterator[Row]]]:
        """Ask one statement as the reader, rows as they are asked for. Raises DatabaseError."""
        return streamed(self.address, statement, run)

    def status(self) -> HistoryStatus:
        """How the history stands. Raises DatabaseError, SinkUnavailable."""
        return upkeep.status(self.address)

    def maintain(self, policy: HistoryPolicy | None = None, *, at_most_s: float = 30.0) -> Upkeep:
        """One round of upkeep; see `upkeep.maintain`."""
        return upkeep.maintain(self.address, policy, at_most_s=at_most_s)

    def erase(
        self, *, camera: str | None = None, track_id: int | None = None, before: datetime | None = None
    ) -> Receipt:
        """Erase what one of these names; see `erase.erase`."""
        return erase(self.address, camera=camera, track_id=track_id, before=before)

    def backup(self, file: Path, progress: Progress = lambda _table, _bytes: None) -> BackupSummary:
        """All of it into a file; see `backup.backup`."""
        return backup(self.address, file, progress)

    def restore(self, file: Path, progress: Progress = lambda _table, _bytes: None) -> BackupSummary:
        """All of it out of a file; see `backup.restore`."""
        return restore(self.address, file, progress)

    def grant(self, login: str, cameras: Sequence[str] | None) -> bool:
        """Let a login read; see `held.grant`."""
        return held.grant(self.address, login, cameras)

    def revoke(self, login: str, cameras: Sequence[str] | None) -> int:
        """Take that back; see `held.revoke`."""
        return held.revoke(self.address, login, cameras)

    def grants(self) -> list[Grant]:
        """Who may read what."""
        return held.grants(self.address)

    def frames(self) -> FrameReader:
        """A new reader of stored frames; whoever asks closes it."""
        return FrameReader(self.address)

    def runs(self) -> list[Run]:
        """All runs that have anything."""
        return runs(self.address)

    def remove_run(self, run: int) -> dict[str, int]:
        """Remove a run; see `runs.remove_run`."""
        return remove_run(self.address, run)

    def close(self) -> None:
        """Close all that was made here, and leave the server."""
        for sink in self._sinks:
            sink.close()
        self._cuts.close()
        self._registry.close()
        self._times.close()
        self._cameras.close()
        self._outbox.close()
        if self.address.server is not None:
            self.address.server.leave()

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
