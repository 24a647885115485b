"""What a worker sends: dead letters leave through a producer of their own."""

from __future__ import annotations

import logging

from pipeline.core.errors import BusUnavailable
from pipeline.core.ports import Bus, Outgoing, Producer

DEAD_LETTERS = "dead-letters"

log = logging.getLogger(__name__)


class Outputs:
    """Implements `ports.Producer`. A producer that a record has poisoned fails whatever comes after it: of the two for
    results and for dead letters neither can take the other along.

    Dead letters are kept until a flush has brought them to rest; where it fails they are sent once more by another
    producer, and the other one's records stay as they are.

    Args:
        bus: Makes producers.
        client: Name of the worker.
    """

    def __init__(self, bus: Bus, client: str) -> None:
        self._bus = bus
        self._client = client
        self._results = bus.producer(client)
        self._letters: Producer | None = None
        self._unsent: list[Outgoing] = []

    def send(self, outgoing: Outgoing) -> None:
        """Queue one record."""
        if outgoing.topic == DEAD_LETTERS:
            self._unsent.append(outgoing)
        else:
            self._results.send(outgoing)

    def flush(self, timeout_s: float) -> None:
        """Wait for all sends, of both kinds even where one fails. Raises BusUnavailable."""
        failure = None
        if self._unsent:
            try:
                self._bury(timeout_s)
            except BusUnavailable as error:
                log.warning("dead letters are sent once more: %s", error.message)
                failure = self._buried_again(timeout_s)
        self._results.flush(timeout_s)
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Give up what was not flushed."""
        self._results.close()
        self._give_up()

    def _bury(self, timeout_s: float) -> None:
        if self._letters is None:
            self._letters = self._bus.producer(f"{self._client}-{DEAD_LETTERS}")
        for letter in self._unsent:
            self._letters.send(letter)
        self._letters.flush(timeout_s)
        self._unsent.clear()

    def _buried_again(self, timeout_s: float) -> BusUnavailable | None:
        self._give_up()
        try:
            self._bury(timeout_s)
        except BusUnavailable as error:
            self._give_up()
            return error
        return None

    def _give_up(self) -> None:
        if self._letters is not None:
            self._letters.close()
            self._letters = None
