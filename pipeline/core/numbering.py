"""Numbers of records: gapless when sent, each taken once when read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pipeline.core.records import Stamp

Verdict = Literal["next", "repeated", "hole", "early", "anew"]


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
        frame_us: Its event time; 0 before the first.
        state: State of the stage as bytes; filled in only for a snapshot.
    """

    last_in: dict[str, Mark] = field(default_factory=dict)
    next_out: dict[str, Mark] = field(default_factory=dict)
    state: bytes = b""
    frame: Mark | None = None
    frame_us: int = 0

    def take(
        self,
        topic: str,
        stamp: Stamp,
        *,
        is_frame: bool = True,
        whole: bool = False,
        once: bool = False,
        unread: int = 0,
    ) -> Verdict:
        """Note a record that was read.

        A recording's event time goes back in one case only: what is missing somewhere is sent again, as a new session.

        Args:
            is_frame: It is a frame, or stands for one, and no tick.
            whole: Nothing of a recording may be missing: what is, will be sent again.
            once: What is sent again of a recording was taken, up to the last frame.
            unread: So many records before it could not be read, and are not missing.

        Returns:
            repeated: It, or one of a newer session, was taken before: leave it out. early: something before it is
            missing, and will come again with it: leave it out. anew: the recording is sent again from here. hole:
            something before it is missing for good.
        """
        last = self.last_in.get(topic)
        session, n, at_us = stamp.session, stamp.n, stamp.captured_at_us
        if last is not None and (session, n) <= (last.session, last.n):
            return "repeated"
        begins = last is None or last.session != session
        expected = 0 if last is None or begins else last.n + 1
        recorded = stamp.clock == "file"
        if whole and recorded and n > expected + unread:
            return "early"
        self.last_in[topic] = Mark(session, n)
        again = recorded and at_us <= self.frame_us
        if again and once:
            return "repeated"
        if is_frame:
            self.frame, self.frame_us = Mark(session, stamp.seq), at_us
        if again and begins:
            return "anew"
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
