"""Rules as data: which events open an incident, how grave it is, and what ends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.core.errors import ConfigError
from pipeline.core.vocabulary import POSTURES, SEVERITIES

Polygon = tuple[tuple[float, float], ...]

FIELDS: tuple[str, ...] = ("camera", "person", "at", "seconds", "label", "rule")
"""What a sentence may name: `at` is when it began (UTC), `seconds` the event's value in whole seconds."""

EXPIRED = "expired"
"""Key of the sentence for an incident that ends by the clock."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Makes incidents of one kind of event; one incident a person (or camera) at a time."""

    name: str
    """Its name in incidents."""

    kind: str
    """Kind of event that it reads; `camera` for the camera's own state."""

    opens: Mapping[str, str]
    """Severity by label of event: these open an incident, or raise the severity of an open one."""

    closes: tuple[str, ...] = ()
    """Labels that end it."""

    kept_by: tuple[str, ...] = ()
    """Postures of the person that are evidence too, and so keep an open incident from expiring."""

    for_s: float = 0.0
    """How long it must last before the incident opens, seconds, [0, inf)."""

    settle_s: float = 0.0
    """How long a close must last before the incident ends, seconds, [0, inf); what reopens before goes on with it."""

    hold_s: float = 600.0
    """Without evidence for this long an open incident ends by the clock, seconds, (0, inf)."""

    cool_down_s: float = 0.0
    """After the end, for this long, seconds, [0, inf), what comes and goes again opens nothing; what lasts longer or
    grows graver does."""

    excluded: tuple[Polygon, ...] = ()
    """Zones in which no incident opens: corners (x, y) as shares of the picture's width and height."""

    texts: Mapping[str, str] = field(default_factory=dict)
    """Sentence for people by label, and one for `expired`; may name {camera}, {person}, {at}, {seconds}, {label} and
    {rule}."""

    def __post_init__(self) -> None:
        where = f"rule {self.name}"
        if not self.opens:
            raise ConfigError(f"{where}: opens on no label", hint="give `opens` a label and its severity")
        for severity in self.opens.values():
            if severity not in SEVERITIES:
                raise ConfigError(f"{where}: severity {severity!r} is none of {', '.join(SEVERITIES)}")
        for posture in self.kept_by:
            if posture not in POSTURES:
                raise ConfigError(f"{where}: posture {posture!r} is none of {', '.join(POSTURES)}")
        for label in self.closes:
            if label in self.opens:
                raise ConfigError(f"{where}: label {label!r} both opens and closes")
        for polygon in self.excluded:
            if len(polygon) < 3:
                raise ConfigError(f"{where}: a zone of {len(polygon)} corners, expected at least 3")
        for template in self.texts.values():
            try:
                template.format(**dict.fromkeys(FIELDS, ""))
            except (KeyError, IndexError, ValueError, AttributeError) as error:
                raise ConfigError(
                    f"{where}: the sentence {template!r} cannot be filled in: {error}",
                    hint="it may name " + ", ".join(f"{{{name}}}" for name in FIELDS),
                ) from error


FALL = Rule(
    name="fall",
    kind="fall",
    opens={"suspected": "warning", "confirmed": "critical"},
    closes=("recovered", "dismissed"),
    kept_by=("lie",),
    settle_s=1.0,
    cool_down_s=10.0,
    texts={
        "suspected": "{camera}: person {person} may have fallen at {at}",
        "confirmed": "{camera}: person {person} fell at {at} and has been on the floor for {seconds} s",
        "recovered": "{camera}: person {person}, who fell at {at}, is up again after {seconds} s",
        "dismissed": "{camera}: person {person} went down at {at} but did not stay down",
        EXPIRED: "{camera}: nothing more was seen of the fall of person {person} at {at}",
    },
)
"""A fall: a warning when suspected, critical when confirmed, over when the person is up."""

CAMERA_SILENT = Rule(
    name="camera-silent",
    kind="camera",
    opens={"stalled": "warning", "waiting": "warning"},
    closes=("live", "ended"),
    for_s=10.0,
    hold_s=3600.0,
    cool_down_s=60.0,
    texts={
        "stalled": "{camera}: no picture since {at}",
        "waiting": "{camera}: not connected since {at}",
        "live": "{camera}: pictures again",
        "ended": "{camera}: the recording has ended",
        EXPIRED: "{camera}: nothing more was heard of the camera",
    },
)
"""A camera that gives no pictures for 10 s."""
