"""Counts and sets: what a person's repetitions come to."""

from __future__ import annotations

from collections.abc import Iterator

from stages.analyze.plan import Plan, gauges_of
from stages.analyze.reps import Rep
from stages.analyze.state import AnalyzedPerson, CountedReps

FAULT = "fault_"
"""Before the name of a check in the evidence of a repetition (1) or of a set (how many of its repetitions)."""


def evidence_of(plan: Plan, rep: Rep) -> dict[str, float]:
    """The seconds of a repetition, what its checks found, and its faults; what was not seen is left out."""
    exercise, side = plan.exercises[rep.row], plan.sides[rep.row]
    values = dict(zip(plan.gauges[rep.row], rep.gauges, strict=False))
    evidence = {"seconds": (rep.ended_us - rep.started_us) / 1e6}
    if side:
        evidence["left"] = float(side == "left")
    for name, check in exercise.checks.items():
        found = [values[gauge] for gauge in gauges_of(exercise, check, side)]
        value = found[0] if len(found) == 1 else abs(found[0] - found[1])
        if value == value:
            evidence[name] = value
            if check.is_fault(value):
                evidence[FAULT + (check.fault or name)] = 1.0
    return evidence


def count(person: AnalyzedPerson, exercise: str, rep: Rep, evidence: dict[str, float]) -> CountedReps:
    """Add a repetition to the person's count and to the set under way."""
    reps = next((each for each in person.reps if each.exercise == exercise), None)
    if reps is None:
        reps = CountedReps(exercise)
        person.reps.append(reps)
    reps.count += 1
    if not reps.set_count:
        reps.set_us, reps.first_s, reps.sums, reps.seen = rep.started_us, evidence["seconds"], {}, {}
    reps.set_count += 1
    reps.last_us, reps.last_s = rep.ended_us, evidence["seconds"]
    for name, value in evidence.items():
        reps.sums[name] = reps.sums.get(name, 0.0) + value
        reps.seen[name] = reps.seen.get(name, 0) + 1
    return reps


def ended_sets(person: AnalyzedPerson, now_us: int, pause_s: float) -> Iterator[CountedReps]:
    """Sets after which the person paused for so long, or left. Each is told once."""
    for reps in person.reps:
        if reps.set_count and (not person.present or now_us - reps.last_us >= pause_s * 1e6):
            yield reps
            reps.set_count, reps.sums, reps.seen = 0, {}, {}


def summary(reps: CountedReps) -> dict[str, float]:
    """Means over the repetitions of a set, the number of those with each fault, and by how much they became slower."""
    means = {
        name: total if name.startswith(FAULT) else total / reps.seen[name] for name, total in sorted(reps.sums.items())
    }
    slower = {"tempo_loss": reps.last_s / reps.first_s - 1.0} if reps.set_count > 1 and reps.first_s > 0.0 else {}
    return means | slower
