"""What can be set about looking for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DetectOptions:
    """Settings of the stage `detect`."""

    window: float = 0.6
    """Side of the square windows as a share of the picture's shorter side, (0, 1]. The BlazePose detector wants a
    person of at least a quarter of its picture: 0.6 finds people from about 0.15 of the shorter side on."""

    overlap: float = 0.5
    """Least share of a window that it has in common with its neighbour, [0, 0.9]. At 0.5 whoever is at most half a
    window large lies whole in one of them."""

    sweep_s: float = 1.0
    """Seconds of event time within which every window is looked at where something moves that is not someone found
    before, or that keeps sight of someone. A person who appears is found within this time."""

    fresh_sweep_s: float = 0.2
    """The same in the first `fresh_s` of that, seconds, as far as `sweep_s` allows for so many looks in all: whoever
    comes in is found within half a second."""

    fresh_s: float = 2.0
    """So long something has only just begun to move, seconds: somebody who walks is in the middle of a room by then."""

    shared_sweep_s: float = 5.0
    """The same for the other windows that someone who was found reaches into, seconds. Whoever comes out from behind
    them is seen by the window that keeps sight of them, if not by moving elsewhere."""

    quiet_sweep_s: float = 10.0
    """The same for windows where nothing moves and nobody is, seconds. Equal to `sweep_s`, as is
    `deserted_sweep_s`, to rely on no motion boxes at all."""

    deserted_sweep_s: float = 60.0
    """What `quiet_sweep_s` grows to, a sixth of the time for which a window has been quiet, seconds: an empty room at
    night costs next to nothing, and who was lost sight of is looked for often at first."""

    calm_s: float = 3.0
    """Seconds without news after which a window counts as quiet, and after which someone who was not found again is
    forgotten: three looks of a sweep."""

    eased: float = 2.0
    """How many times longer these six are while a live camera's ladder is down (`embedded.ladder`), [1, 10]: whoever
    appears is found within twice the time, for half of the looks."""

    merge: float = 0.35
    """Detections of two windows are one person when their centres are nearer than this share of the smaller region's
    side, as measured on real clips."""

    apart: float = 0.2
    """The same for two detections in one window, where the detector has merged what overlaps. The side is 1.25 body
    heights: the hips of two people side by side are this far apart."""
