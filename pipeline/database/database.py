"""The database of a posebus: one thing to open, and from it all that reads and writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType

from pipeline.core.errors import DatabaseError, PosebusError, SinkUnavailable
from pipeline.database.connect import Address, Role
from pipeline.database.cuts import PostgresCuts
from pipeline.database.migrate import migrate
from pipeline.database.outbox import Outbox
from pipeline.database.query import Answer, Row, ask, streamed
from pipeline.database.registry import CameraRegistry, SourceTimes
from pipeline.database.server import EmbeddedServer
from pipeline.database.sink import PostgresSink


def open_database(dsn: str | None, home: Path, *, migrate: bool = True) -> Database:
    """The database at `dsn`, or the embedded one of this home, which is started.

    Args:
        dsn: An address as libpq takes it, or None.
        home: POSEBUS_HOME, of the embedded database.
        migrate: Bring the schema to this version. Otherwise the connection is only tried.

    Raises:
        DatabaseError: It cannot be reached or refuses, with what to do.
    """
    database = Database(Address(dsn) if dsn is not None else Address(server=EmbeddedServer(home)))
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

    def __init__(self, address: Address) -> None:
        self.address = address
        self._sinks: list[PostgresSink] = []
        self._cuts = PostgresCuts(address)
        self._registry = CameraRegistry(address)
        self._times = SourceTimes(address)
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

    def sink(self, consumer: str = "sink") -> PostgresSink:
        """A new sink."""
        sink = PostgresSink(self.address, consumer)
        self._sinks.append(sink)
        return sink

    def cuts(self) -> PostgresCuts:
        """The store of cuts; always the same."""
        return self._cuts

    def registry(self) -> CameraRegistry:
        """The camera registry; always the same."""
        return self._registry

    def times(self) -> SourceTimes:
        """The memory of when files began; always the same."""
        return self._times

    def outbox(self) -> Outbox:
        """What is still to be delivered; always the same."""
        return self._outbox

    def query(self, statement: str, run: int = 0) -> Answer[list[Row]]:
        """Ask one statement as the reader, all rows at once. Raises DatabaseError."""
        return ask(self.address, statement, run)

    def stream(self, statement: str, run: int = 0) -> AbstractContextManager[Answer[Iterator[Row]]]:
        """Ask one statement as the reader, rows as they are asked for. Raises DatabaseError."""
        return streamed(self.address, statement, run)

    def close(self) -> None:
        """Close all that was made here, and leave the server."""
        for sink in self._sinks:
            sink.close()
        self._cuts.close()
        self._registry.close()
        self._times.close()
        self._outbox.close()
        if self.address.server is not None:
            self.address.server.leave()

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
