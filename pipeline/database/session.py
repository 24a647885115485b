"""A connection that is made when it is needed, made anew after an outage, and whose errors are ours."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import psycopg

from pipeline.database import failures
from pipeline.database.connect import Address, Connection, Role, cancel

T = TypeVar("T")


class Session:
    """One connection in one role; used by one thread at a time.

    Args:
        address: Where.
        role: As whom.
        on_connect: Called with each new connection, such as to forget what was known of the old one.
    """

    def __init__(self, address: Address, role: Role, on_connect: Callable[[Connection], None] | None = None) -> None:
        self.address = address
        self._role: Role = role
        self._on_connect = on_connect
        self._connection: Connection | None = None
        self._mutex = threading.Lock()

    def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives with a connection in autocommit mode.

        Raises:
            SinkUnavailable: An outage; the next call connects anew.
            DatabaseError, InvalidRecord: See `failures`.
        """
        with self._mutex:
            if self._connection is not None and self._connection.closed:
                self._connection = None
            try:
                if self._connection is None:
                    connection = self.address.connect(self._role)
                    if self._on_connect is not None:
                        self._on_connect(connection)
                    self._connection = connection
                return work(self._connection)
            except psycopg.Error as error:
                if isinstance(error, psycopg.errors.ReadOnlySqlTransaction) and self._connection is not None:
                    # Its connection keeps the default that the database had when it was made.
                    self._connection.close()
                raise failures.meaning(error, str(self.address)) from error
            finally:
                if self._connection is not None and self._connection.broken:
                    self._connection.close()
                    self._connection = None

    def cancel(self) -> None:
        """End what another thread is running; it raises there."""
        if self._connection is not None:
            cancel(self._connection)

    def close(self) -> None:
        """Close the connection; the next `run` would open another."""
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
