"""Falls: suspected by a fast descent that ends lying, confirmed by staying down, over when upright again.

Lying down on purpose is slow, sitting and tying shoes end with a trunk over the feet or high hips, and who falls was
seen to stand, walk or sit before: who lies when first seen did not fall.
"""

from __future__ import annotations

from enum import IntEnum

from stages.analyze.movement import Shape
from stages.analyze.options import AnalyzeOptions
from stages.analyze.postures import LIE, UNKNOWN, is_lying
from stages.analyze.state import AnalyzedPerson

_BLINK_US = 500_000  # lying may be unseen for so long and is still the same lying
_UP_HEAD = 0.55  # body heights: a seated person's head


class Fall(IntEnum):
    """Where a person's fall stands."""

    NONE = 0
    SUSPECTED = 1
    CONFIRMED = 2


def step_fall(person: AnalyzedPerson, shape: Shape, now_us: int, last_us: int, options: AnalyzeOptions) -> str | None:
    """Take one frame, `last_us` being the person's frame before: suspected, confirmed, recovered, dismissed or None."""
    _follow_descent(person, shape.descent, now_us, last_us, options)
    known = shape.tilt == shape.tilt and shape.hip == shape.hip
    if not known:
        return None
    _follow_rest(person, shape, now_us, options)
    down_us, up_us = person.down_us, person.up_us
    if person.fall == Fall.NONE:
        if down_us is not None and person.posture not in (UNKNOWN, LIE) and _is_fast(person, down_us, now_us, options):
            person.fall, person.fall_at_us, person.fall_peak = Fall.SUSPECTED, person.peak_from_us, person.peak
            return "suspected"
        return None
    if up_us is not None and now_us - up_us >= options.fall_recover_s * 1e6:
        person.fall, person.peak = Fall.NONE, 0.0
        return "recovered"
    if person.fall == Fall.SUSPECTED:
        if down_us is not None and person.down_seen_us == now_us and now_us - down_us >= options.fall_confirm_s * 1e6:
            person.fall = Fall.CONFIRMED
            return "confirmed"
        if now_us - person.down_seen_us >= options.fall_dismiss_s * 1e6:
            person.fall, person.peak = Fall.NONE, 0.0
            return "dismissed"
    return None


def _is_fast(person: AnalyzedPerson, down_us: int, now_us: int, options: AnalyzeOptions) -> bool:
    """A recent descent that ended down was fast enough for a fall."""
    short = down_us - person.high_us <= options.fall_short_s * 1e6
    needed = options.fall_short_descent if short else options.fall_descent
    recent = now_us - person.peak_us <= options.fall_window_s * 1e6
    return recent and person.peak >= needed and down_us >= person.peak_from_us


def _follow_descent(person: AnalyzedPerson, descent: float, now_us: int, last_us: int, options: AnalyzeOptions) -> None:
    """The descent under way, and the fastest of the last seconds."""
    if not descent >= options.fall_start:
        person.descending_us = None
        return
    if person.descending_us is None:
        person.descending_us = last_us
    stale = now_us - person.peak_us > options.fall_window_s * 1e6
    if descent >= options.fall_short_descent and (stale or descent > person.peak):
        person.peak, person.peak_us, person.peak_from_us = descent, now_us, person.descending_us


def _follow_rest(person: AnalyzedPerson, shape: Shape, now_us: int, options: AnalyzeOptions) -> None:
    """Since when the person is down, and since when up; neither is also possible."""
    if shape.hip >= options.fall_upright:
        person.high_us = now_us
    crumpled = shape.head <= options.fall_head and shape.hip <= options.fall_hip and shape.offset >= options.lie_offset
    if is_lying(shape, options, 0.1 if person.down_us is not None else 0.0) or crumpled:
        person.down_seen_us = now_us
        if person.down_us is None:
            person.down_us = now_us
    elif now_us - person.down_seen_us > _BLINK_US:
        person.down_us = None
    if shape.tilt <= options.recover_tilt and shape.hip >= options.recover_hip and not shape.head < _UP_HEAD:
        if person.up_us is None:
            person.up_us = now_us
    else:
        person.up_us = None
