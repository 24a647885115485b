"""What analyze remembers of a camera: a few numbers a person, no keypoints and no frames."""

from __future__ import annotations

from dataclasses import dataclass, field

from stages.analyze.moves import RepTable
from stages.analyze.symmetry import Swings
from stages.analyze.watched import Ground, Placed, Watched

NAN = float("nan")


@dataclass(slots=True)
class CountedReps:
    """Repetitions of one exercise, and the set under way.

    Attributes:
        exercise: Its name.
        count: Repetitions so far.
        phase, rest_us ... tilt: Of the first version, which kept a repetition under way here; now in `RepTable`.
        set_count: Repetitions of the set under way; 0 = none.
        set_us, last_us: When it began, and when its last repetition ended.
        first_s, last_s: Seconds of its first and last repetition.
        sums: Sum of each evidence over its repetitions.
        seen: In how many of them it was seen.
    """

    exercise: str
    count: int = 0
    phase: int = 0
    rest_us: int | None = None
    foot_x: float = NAN
    foot_y: float = NAN
    effort_s: float = 0.0
    bad_s: float = 0.0
    unseen_s: float = 0.0
    elbow: float = 0.0
    shoulder: float = 0.0
    hip: float = 0.0
    knee: float = 0.0
    low: float = 1.0
    tilt: float = 0.0
    set_count: int = 0
    set_us: int = 0
    last_us: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class AnalyzedPerson:
    """One tracked person.

    Attributes:
        track_id: Who.
        entered_us, seen_us: When first (since the last leave) and last seen.
        present: Entered and not left.
        metric: The learned lengths are metres (pixels otherwise).
        height, leg, trunk: Learned nose to ankle, hip to ankle, shoulders to hips; NaN before they are known.
        scale: Pixels per unit of these.
        hips_us, hip_x, hip_y: When and where the middle of the hips was last seen, pixels.
        speed_x, speed_y: Its velocity, pixels/s, by `velocity_s`.
        travel_x, travel_y: Its velocity, pixels/s, by `travel_s`.
        posture, posture_us: The posture that holds, and since when.
        next_posture, next_us: The posture that may follow, and since when it is seen.
        told: The posture last told in an event.
        descending_us: When the descent under way began, or None.
        peak, peak_us, peak_from_us: Fastest recent descent that a fall may have (body heights/s), when it was and when
            it began; peak is 0 when there was none.
        high_us: When the hips were last upright.
        down_us, down_seen_us: Since when lying, or None; and when last seen so.
        up_us: Since when upright, or None.
        fall: 0 none, 1 suspected, 2 confirmed.
        fall_no, fall_at_us, fall_peak: Number, begin and fastest descent of the fall under way.
        reps: One for each exercise that they did.
    """

    track_id: int
    entered_us: int
    seen_us: int
    present: bool = True
    metric: bool = False
    height: float = NAN
    leg: float = NAN
    trunk: float = NAN
    scale: float = NAN
    hips_us: int | None = None
    hip_x: float = NAN
    hip_y: float = NAN
    speed_x: float = 0.0
    speed_y: float = 0.0
    travel_x: float = 0.0
    travel_y: float = 0.0
    posture: int = 0
    posture_us: int = 0
    next_posture: int = 0
    next_us: int = 0
    told: int = 0
    descending_us: int | None = None
    peak: float = 0.0
    peak_us: int = 0
    peak_from_us: int = 0
    high_us: int = 0
    down_us: int | None = None
    down_seen_us: int = 0
    up_us: int | None = None
    fall: int = 0
    fall_no: int = 0
    fall_at_us: int = 0
    fall_peak: float = 0.0
    reps: list[CountedReps] = field(default_factory=list)


@dataclass(slots=True)
class AnalyzeState:
    """State of one camera.

    Attributes:
        up_x, up_y, up_z: Unit vector against gravity in the camera's frame (x right, y down, z away), learned from
            people who stand or walk.
        up_s: Seconds of evidence behind it.
        events: Number of the last event.
        people: Everyone seen lately.
        moves: Where they stand in each exercise; None before the first frame.
        watched: Where they stand on the floor and what their arms do; None before the first people.
        placed: The same people about the camera's zones and lines; None where it has none.
        ground: What was learned of the floor; None before the first people.
        swings: How far their joints went lately; None before the first frame.
    """

    up_x: float = 0.0
    up_y: float = -1.0
    up_z: float = 0.0
    up_s: float = 0.0
    events: int = 0
    people: list[AnalyzedPerson] = field(default_factory=list)
    moves: RepTable | None = None
    watched: Watched | None = None
    placed: Placed | None = None
    ground: Ground | None = None
    swings: Swings | None = None
