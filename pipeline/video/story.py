"""What has happened so far, as far as a picture shows it: captions, repetitions counted, people on the floor."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.values import Event
from pipeline.video.palette import ALARM, Colour, person_colour, person_number


@dataclass(frozen=True, slots=True)
class Caption:
    """A line about an event, shown from `since_us` on (event time, microseconds)."""

    since_us: int
    text: str
    colour: Colour


_OVER = ("recovered", "dismissed")


class Story:
    """Takes the events of one camera in the order of time.

    Args:
        shown_us: How long a caption is shown.
        kinds: Kinds of events that get a caption.
    """

    def __init__(self, shown_us: int, kinds: tuple[str, ...]) -> None:
        self._shown_us = shown_us
        self._kinds = frozenset(kinds)
        self._captions: list[Caption] = []
        self._repetitions: dict[int, str] = {}
        self._fallen: set[int] = set()

    def add(self, event: Event, at_us: int) -> None:
        """Note an event decided at `at_us`."""
        track = event.track_id
        if track is not None:
            if event.kind == "rep":
                self._repetitions[track] = _what(event)
            elif event.kind == "leave" or (event.kind == "fall" and event.label in _OVER):
                self._fallen.discard(track)
            elif event.kind == "fall":
                self._fallen.add(track)
        if event.kind in self._kinds:
            text = _what(event) if track is None else f"{_what(event)} · person {person_number(track)}"
            alarm = track is None or (event.kind == "fall" and event.label not in _OVER)
            self._captions.append(Caption(at_us, text, ALARM if alarm or track is None else person_colour(track)))

    def captions(self, at_us: int) -> list[tuple[Caption, float]]:
        """What is to be shown now, oldest first, each with the seconds that are left to it."""
        self._captions = [caption for caption in self._captions if at_us - caption.since_us < self._shown_us]
        return [(caption, (self._shown_us - at_us + caption.since_us) / 1e6) for caption in self._captions]

    def repetitions(self, track_id: int) -> str | None:
        """The last repetition of this person, such as `squat 5`."""
        return self._repetitions.get(track_id)

    def is_fallen(self, track_id: int) -> bool:
        """Whether this person fell and was not seen to recover."""
        return track_id in self._fallen


def _what(event: Event) -> str:
    if event.kind == "rep":
        return event.label if event.value is None else f"{event.label} {event.value:.0f}"
    return event.label if event.label == event.kind else f"{event.kind} {event.label}".strip()
