"""Rules in plain English: what each does, what it reads, and what may be missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.core.vocabulary import EVENT_KINDS, POSTURES
from pipeline.core.zones import Scene
from stages.alert.conditions import Condition, Count, EventIs, MeasureIs
from stages.alert.rules import Rule
from stages.alert.schedules import DAYS, Hours
from stages.alert.words import unit_of
from stages.alert.zones import zone_names

LABELS = {
    "fall": ("suspected", "confirmed", "recovered", "dismissed"),
    "posture": POSTURES[1:],
}
"""Labels of those kinds of events whose labels nobody can set."""

ZONE_EVENTS = ("enter", "leave", "dwell", "count")
"""What a zone of a camera tells."""


def what_it_does(rule: Rule) -> list[str]:
    """Sentences: when it opens, how it lasts, how it ends."""
    return [*_opening(rule), *_lasting(rule), *_ending(rule)]


def what_it_reads(rule: Rule) -> list[str]:
    """Events, measures with their units, postures, zones: each once, in the order of the file."""
    found = [f"events of kind {rule.kind}: {', '.join((*rule.opens, *rule.closes))}"] if rule.kind else []
    for condition in rule.conditions():
        if condition.event is not None:
            labels = ", ".join((*condition.event.label, *condition.event.until))
            found.append(f"events of kind {condition.event.kind}" + (f": {labels}" if labels else ""))
        if condition.measure is not None:
            found.append(f"{condition.measure.name} ({unit_of(condition.measure.name)})")
        if condition.posture:
            found.append("the posture of people")
        if condition.count is not None:
            found.append("how many people are in view")
        if condition.camera:
            found.append("the state of the camera")
    if rule.zone_names():
        found.append("where people stand: zone " + ", ".join(rule.zone_names()))
    if rule.kept_by:
        found.append("the posture of people")
    return list(dict.fromkeys(found))


def what_is_missing(rule: Rule, scenes: Mapping[str, Scene]) -> list[str]:
    """What will keep the rule from doing what its author may think it does, on cameras with these zones."""
    said = []
    if rule.kind and rule.kind not in (*EVENT_KINDS, "camera"):
        said.append(f"no stage decides events of kind {rule.kind}; there are {', '.join(EVENT_KINDS)}")
    used = [(each.event.kind, label) for each in rule.conditions() if each.event for label in _labels(each.event)]
    used += [(rule.kind, label) for label in (*rule.opens, *rule.closes)]
    for kind, label in dict.fromkeys(used):
        if kind in LABELS and label not in LABELS[kind]:
            said.append(f"no event of kind {kind} has the label {label}; there are {', '.join(LABELS[kind])}")
    zones = zone_names(scenes)
    for kind, label in dict.fromkeys(used):
        name, _, what = label.rpartition(":")
        if kind == "zone" and (what not in ZONE_EVENTS or (zones and name not in zones)):
            said.append(f"no zone gives the event {label}; they are named ZONE:WHAT, of {', '.join(ZONE_EVENTS)}")
    if rule.zones and rule.kind == "camera":
        said.append("the state of a camera is in no zone: none opens an incident")
    if rule.when is not None:
        said += _of_condition(rule, rule.when)
    wanted = set(rule.wanted_zones())
    for camera in rule.cameras if wanted and zones else ():
        if camera in scenes and wanted.isdisjoint(scenes[camera].zones):
            said.append(f"none of its zones lies on the camera {camera}")
    return list(dict.fromkeys(said))


def sentence(condition: Condition) -> str:
    """The condition as a part of a sentence."""
    held = f" for {seconds(condition.for_s)}" if condition.for_s else ""
    return _plain(condition) + held


def seconds(value: float) -> str:
    """A duration as people say it."""
    for size, name in ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute")):
        if value >= size and value % size == 0:
            return f"{value / size:g} {name}{'' if value == size else 's'}"
    return f"{value:g} s"


def _opening(rule: Rule) -> list[str]:
    whose = {"person": "for each person", "zone": "for each of the zones", "camera": "for the camera"}
    whose[""] = whose["person"]
    word = "" if rule.scope == "zone" else "in "
    where = f" {word}{_listed(rule.zones, 'and' if rule.scope == 'zone' else 'or')}" if rule.zones else ""
    on = f" on {_listed(rule.cameras, 'or')}" if rule.cameras else ""
    lasting = f" for {seconds(rule.for_s)}" if rule.for_s else ""
    if rule.when is not None:
        opening = (
            f"Opens a {rule.severity} incident {whose[rule.scope]}{where}{on} when {sentence(rule.when)}{lasting}."
        )
    else:
        each = "for the camera" if rule.kind == "camera" else whose[""]
        labels = ", ".join(f"{label} ({severity})" for label, severity in rule.opens.items())
        still = f", if it is not over within {seconds(rule.for_s)}" if rule.for_s else ""
        opening = f"Opens an incident {each}{where}{on} at an event of kind {rule.kind}: {labels}{still}."
    said = [opening]
    if rule.excluded:
        said.append(f"Not in {_listed(rule.excluded, 'or')}.")
    if rule.schedule:
        said.append(f"Opens only {' or '.join(map(_hours, rule.schedule))}; what is open then goes on.")
    if rule.inhibited_by:
        said.append(
            f"Opens none while {_listed(rule.inhibited_by, 'or')} has an open one of the same person or camera."
        )
    return said


def _lasting(rule: Rule) -> list[str]:
    said = [f"Becomes {step.severity} {seconds(step.after_s)} after it opened." for step in rule.escalate]
    if rule.when is not None and rule.when.needs_sight():
        known = "While it is unknown (out of view, or not measured) nothing opens and nothing ends"
        said.append(f"{known}; up to {seconds(rule.gap_s)} of that count as if nothing had changed.")
    return said


def _ending(rule: Rule) -> list[str]:
    settled = f" and that lasts {seconds(rule.settle_s)}" if rule.settle_s else ""
    if rule.resolve is not None:
        said = [f"Ends when {sentence(rule.resolve)}{settled}."]
    elif rule.when is not None:
        said = [f"Ends when that is no longer so{settled}."]
    elif rule.closes:
        said = [f"Ends at {_listed(rule.closes, 'or')}{', if it is not begun again within ' if settled else ''}"]
        said = [said[0] + (f"{seconds(rule.settle_s)}." if settled else ".")]
    else:
        said = []
    kept = f" and no posture {_listed(rule.kept_by, 'or')}" if rule.kept_by else ""
    said.append(f"Ends by the clock after {seconds(rule.hold_s)} without evidence{kept}.")
    if rule.cool_down_s:
        cool = seconds(rule.cool_down_s)
        said.append(f"For {cool} after its end what comes and goes opens no new one; what lasts longer does.")
    return said


def _plain(condition: Condition) -> str:
    if condition.event is not None:
        return _event(condition.event)
    if condition.measure is not None:
        return _measure(condition.measure)
    if condition.count is not None:
        return _count(condition.count)
    if condition.within is not None:
        first, then = condition.below()
        return f"({sentence(first)}) and then, within {seconds(condition.within.limit_s)}, ({sentence(then)})"
    if condition.not_ is not None:
        return f"not ({sentence(condition.not_)})"
    if condition.any or condition.all:
        word = " or " if condition.any else " and "
        return word.join(f"({sentence(each)})" if each.below() else sentence(each) for each in condition.below())
    if condition.posture:
        return f"the posture is {_listed(condition.posture, 'or')}"
    if condition.zone:
        return f"the person is in {_listed(condition.zone, 'or')}"
    return f"the camera is {_listed(condition.camera, 'or')}"


def _event(event: EventIs) -> str:
    name = f"{event.kind} {_listed(event.label, 'or')}" if event.label else event.kind
    value = "" if event.min_value is None else f" of at least {event.min_value:g}"
    count = f"{event.times} events {name}{value} came" if event.times > 1 else f"an event {name}{value} came"
    lately = f" within the last {seconds(event.within_s)}" if event.within_s else ""
    undone = f" and no {_listed(event.until, 'or')} since" if event.until else ""
    return count + lately + undone


def _measure(measure: MeasureIs) -> str:
    word, limit = ("above", measure.above) if measure.above is not None else ("below", measure.below)
    back = "" if measure.clear is None else f" (until it is back at {measure.clear:g})"
    return f"{measure.name} is {word} {limit:g} {unit_of(measure.name)}{back}"


def _count(count: Count) -> str:
    bounds = [("at least", count.at_least), ("at most", count.at_most)]
    number = " and ".join(f"{word} {value}" for word, value in bounds if value is not None)
    whom = f"for whom {sentence(count.of)}" if count.of is not None else "in view"
    return f"there are {number} people {whom}"


def _hours(hours: Hours) -> str:
    days = "every day" if set(hours.days) == set(DAYS) else "on " + ", ".join(hours.days)
    return f"{days} from {hours.from_} to {hours.to} ({hours.time_zone})"


def _labels(event: EventIs) -> tuple[str, ...]:
    return (*event.label, *event.until)


def _of_condition(rule: Rule, when: Condition) -> list[str]:
    said = []
    bare = [each.measure.name for each in when.walk() if each.measure is not None and each.measure.clear is None]
    if bare and not (rule.settle_s or rule.cool_down_s):
        what = "neither settle_s nor cool_down_s: noise at the limit makes many incidents"
        said.append(f"{_listed(tuple(bare), 'and')} has no `clear`, and the rule {what}")
    moments = [each.event for each in when.walk() if each.event and not each.event.within_s and not each.event.until]
    if moments and (rule.for_s or any(each.for_s for each in when.walk())):
        said.append(f"an event {moments[0].kind} counts for one frame only, and something must last: give it within_s")
    if rule.scope == "camera" and when.of_person() and rule.resolve is None and when.needs_sight():
        said.append(
            "when everyone leaves there is no verdict, and an incident lasts until hold_s; `resolve` can end it"
        )
    return said


def _listed(words: Sequence[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
