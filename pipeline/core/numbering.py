"""Numbers of records: gapless when sent, each taken once when read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pipeline.core.records import Stamp

Verdict = Literal["next", "repeated", "hole"]


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a numbered stream; later places compare greater."""

    session: int
    n: int


@dataclass(slots=True)
class Progress:
    """What the driver keeps of one camera: where its streams stand, and the stage's own state.

    Attributes:
        last_in: Last record taken, by input topic.
        next_out: Next record to send, by output topic.
        frame: The last frame taken, as (session, seq); None before the first.
        state: State of the stage as bytes; filled in only for a snapshot.
    """

    last_in: dict[str, Mark] = field(default_factory=dict)
    next_out: dict[str, Mark] = field(default_factory=dict)
    state: bytes = b""
    frame: Mark | None = None

    def take(self, topic: str, stamp: Stamp) -> Verdict:
        """Note a record that was read. `repeated`: it, or one of a newer session, was taken before: leave it out."""
        last = self.last_in.get(topic)
        session, n = stamp.session, stamp.n
        if last is not None and (session, n) <= (last.session, last.n):
            return "repeated"
        self.last_in[topic] = Mark(session, n)
        self.frame = Mark(session, stamp.seq)
        expected = last.n + 1 if last is not None and last.session == session else 0
        return "next" if n == expected else "hole"

    def number(self, topic: str, stamp: Stamp) -> Stamp:
        """The stamp of the next record to `topic`; a new session begins at 0."""
        following = self.next_out.get(topic)
        n = following.n if following is not None and following.session == stamp.session else 0
        self.next_out[topic] = Mark(stamp.session, n + 1)
        return stamp.numbered(n)


Counted = Literal["records_skipped", "numbering_gaps", "dead_letters", "records_too_large"]
Count = Callable[[Counted, str], None]
"""Called with what is counted and the stage's name."""


def count_nothing(name: Counted, stage: str) -> None:
    """For whoever does not watch."""
