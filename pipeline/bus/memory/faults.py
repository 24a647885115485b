"""What can be made to go wrong on a bus in memory, as it goes wrong on a real one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.core.errors import BusUnavailable


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure to come.

    Attributes:
        error: What the broker says.
        delivered: The broker did what was asked, and only its answer is lost.
    """

    error: BaseException
    delivered: bool


class Faults:
    """Failures to come.

    Attributes:
        hold_sends: Sends stay in their producer until its flush, as in a batch; a producer that is closed or
            forgotten before takes them along.
        before: Called with operation (send, flush, poll, commit) and client ahead of each call, outside of any lock;
            what it raises goes to the caller: a crash at that point.
    """

    def __init__(self) -> None:
        self.hold_sends = False
        self.before: Callable[[str, str], None] = _nothing
        self._sends: dict[str, deque[Fault]] = {}
        self._commits: dict[str, deque[Fault]] = {}

    def fail_next_sends(
        self, topic: str, count: int = 1, error: BaseException | None = None, *, delivered: bool = False
    ) -> None:
        """The next sends to the topic fail: `send` returns, `flush` raises BusUnavailable from `error`.

        The producer takes nothing after that, so `count` is a number of producers. With `delivered` the record is in
        the log all the same.
        """
        fault = Fault(error or BusUnavailable(f"{topic}: the send failed"), delivered)
        self._sends.setdefault(topic, deque()).extend([fault] * count)

    def fail_next_commits(
        self, group: str, count: int = 1, error: BaseException | None = None, *, delivered: bool = False
    ) -> None:
        """The next commits of the group raise BusUnavailable from `error`; with `delivered` they count all the same."""
        fault = Fault(error or BusUnavailable(f"group {group}: the commit got no answer"), delivered)
        self._commits.setdefault(group, deque()).extend([fault] * count)

    def take_send(self, topic: str) -> Fault | None:
        """The failure of the send that is made now."""
        return _take(self._sends, topic)

    def take_commit(self, group: str) -> Fault | None:
        """The failure of the commit that is made now."""
        return _take(self._commits, group)


def _take(faults: dict[str, deque[Fault]], name: str) -> Fault | None:
    queue = faults.get(name)
    return queue.popleft() if queue else None


def _nothing(operation: str, client: str) -> None:
    """No crash."""
