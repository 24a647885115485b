"""Rules as data: what opens an incident, how grave it is, and what ends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import ClassVar, Literal

from pipeline.core.vocabulary import POSTURES, SEVERITIES
from stages.alert.conditions import Condition
from stages.alert.schedules import Hours
from stages.alert.words import RuleError, require

__all__ = ["BUILT_IN", "CAMERA_SILENT", "EXPIRED", "FALL", "FIELDS", "SCOPES", "Rule", "Step"]

FIELDS: tuple[str, ...] = ("camera", "person", "at", "seconds", "label", "rule", "zone", "severity")
"""What a sentence may name: `at` is when it began (UTC), `seconds` the event's value in whole seconds."""

EXPIRED = "expired"
"""Key of the sentence for an incident that ends by the clock."""

ESCALATED = "escalated"
"""Key of the sentence for an incident that becomes graver by the clock."""

BEGUN, OVER = "new", "end"
"""Keys of the sentences of a rule with `when`."""

SCOPES: tuple[str, ...] = ("person", "zone", "camera")

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class Step:
    """An incident that lasts becomes graver."""

    after_s: float
    """So long after it opened, seconds, (0, 604800], unless it is ending by then."""

    severity: Severity
    """Its severity from then on."""

    def __post_init__(self) -> None:
        require("severity", (self.severity,), SEVERITIES)


@dataclass(frozen=True, slots=True)
class Rule:
    """Makes incidents: of the labels of one kind of event (`kind`, `opens`, `closes`), or of a condition (`when`)."""

    SHORT: ClassVar[str] = "like"

    name: str = ""
    """Its name in incidents."""

    kind: str = ""
    """Kind of event that it reads; `camera` for the camera's own state."""

    opens: Mapping[str, str] = field(default_factory=dict)
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

    excluded: tuple[str, ...] = ()
    """Zones in which no incident opens, by name (`cameras.NAME.zones`)."""

    texts: Mapping[str, str] = field(default_factory=dict)
    """Sentence for people by label (with `when`: by `new` and `end`), and for `escalated` and `expired`; may name
    {camera}, {person}, {at}, {seconds}, {label}, {rule}, {zone} and {severity}."""

    when: Condition | None = None
    """Instead of `kind` and `opens`: the condition that opens an incident. While it has no verdict nothing opens or
    ends."""

    resolve: Condition | None = None
    """What ends an incident of `when`; without it, `when` being false."""

    severity: Severity = "warning"
    """How grave an incident of `when` is."""

    scope: str = ""
    """One incident for each `person`, each `zone`, or the `camera`; without it person where the condition is about
    people, else camera."""

    zones: tuple[str, ...] = ()
    """Only in these zones, by name (`cameras.NAME.zones`). With scope zone: one incident in each."""

    cameras: tuple[str, ...] = ()
    """Only on these cameras, by name; without any: on all."""

    schedule: tuple[Hours, ...] = ()
    """Only in these hours incidents open; one that is open goes on. Without any: always."""

    escalate: tuple[Step, ...] = ()
    """How the severity rises while an incident lasts."""

    inhibited_by: tuple[str, ...] = ()
    """Names of rules: while one of them has an open incident of the same person, or of the camera, none opens here."""

    gap_s: float = 2.0
    """Time without a verdict up to this counts towards `for_s` and `settle_s`, what is longer does not, seconds,
    [0, 60]. By default as long as a person may be unseen before they count as having left."""

    like: str = ""
    """A built-in rule (fall, camera-silent) that gives all that is not said here. A name instead of a section means
    just that rule."""

    def __post_init__(self) -> None:
        if self.like:
            self._complete()
        if not self.name:
            raise RuleError("the key name is missing: a text")
        where = f"rule {self.name}"
        if self.when is not None:
            self._check_when(where)
        elif not self.kind:
            raise RuleError(f"{where}: expected `when`, or `kind` and `opens`")
        elif not self.opens:
            raise RuleError(f"{where}: opens on no label; give `opens` a label and its severity")
        elif self.resolve is not None or self.scope:
            raise RuleError(f"{where}: resolve and scope go with `when`; a rule of events has `closes`")
        require(f"{where}: severity", (*self.opens.values(), self.severity), SEVERITIES)
        require(f"{where}: posture", self.kept_by, POSTURES)
        for label in self.closes:
            if label in self.opens:
                raise RuleError(f"{where}: label {label!r} both opens and closes")
        for template in self.texts.values():
            try:
                template.format(**dict.fromkeys(FIELDS, ""))
            except (KeyError, IndexError, ValueError, AttributeError) as error:
                known = ", ".join(f"{{{name}}}" for name in FIELDS)
                raise RuleError(
                    f"{where}: the sentence {template!r} cannot be filled in: {error}; it may name {known}"
                ) from error

    def conditions(self) -> Iterator[Condition]:
        """All conditions of the rule, each with those under it."""
        for condition in (self.when, self.resolve):
            if condition is not None:
                yield from condition.walk()

    def zone_names(self) -> list[str]:
        """Every zone that the rule names, once."""
        return list(dict.fromkeys([*self.wanted_zones(), *self.excluded]))

    def wanted_zones(self) -> list[str]:
        """The zones in which somebody must be or not be, without the excluded ones, once."""
        return list(dict.fromkeys([*self.zones, *(name for each in self.conditions() for name in each.zone)]))

    def _check_when(self, where: str) -> None:
        assert self.when is not None
        if self.kind or self.opens or self.closes:
            raise RuleError(f"{where}: kind, opens and closes are for rules of events, and this one has a condition")
        of_person = self.when.of_person()
        if not self.scope:
            object.__setattr__(self, "scope", "person" if of_person else "camera")
        require(f"{where}: scope", (self.scope,), SCOPES)
        if self.scope == "person" and not of_person:
            raise RuleError(
                f"{where}: scope is 'person', but the condition is not about single people; allowed: camera"
            )
        if self.scope == "zone" and not self.zones:
            raise RuleError(f"{where}: scope is 'zone', but `zones` names none")

    def _complete(self) -> None:
        require("like", (self.like,), BUILT_IN)
        base = BUILT_IN[self.like]
        for each in fields(self):
            default = each.default_factory() if each.default_factory is not MISSING else each.default
            if getattr(self, each.name) == default:
                object.__setattr__(self, each.name, getattr(base, each.name))


FALL = Rule(
    name="fall",
    kind="fall",
    opens={"suspected": "warning", "confirmed": "critical"},
    closes=("recovered", "dismissed"),
    kept_by=("lie",),
    settle_s=1.0,
    # Who is up again and falls once more is told at once: getting up takes longer than keypoints flicker.
    cool_down_s=1.0,
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
    opens={"stalled": "warning", "waiting": "warning", "unauthorized": "warning", "failed": "warning"},
    closes=("live", "ended", "paused"),
    for_s=10.0,
    hold_s=3600.0,
    cool_down_s=60.0,
    texts={
        "stalled": "{camera}: no picture since {at}",
        "waiting": "{camera}: not connected since {at}",
        "unauthorized": "{camera}: refuses our user and password since {at}",
        "failed": "{camera}: gives no pictures since {at}",
        "live": "{camera}: pictures again",
        "paused": "{camera}: paused",
        "ended": "{camera}: the recording has ended",
        EXPIRED: "{camera}: nothing more was heard of the camera",
    },
)
"""A camera that gives no pictures for 10 s."""

BUILT_IN: Mapping[str, Rule] = {rule.name: rule for rule in (FALL, CAMERA_SILENT)}
"""Rules that are there without a file, by name."""
