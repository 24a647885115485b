"""A run with zones, a line and rules of every sort: what stands in SQL afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Program
from tests.e2e.painted import CONFIG, painted

FRAMES = 200
"""The person walks right from 0.2 of the width, is in the middle after 1.5 s, falls at 3 s and lies from 3.6 s on."""

CAMERA = """
cameras:
  ward:
    source: {source}
    zones: &floor
      left: {{corners: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], dwell_s: [1, 60]}}
      right: {{corners: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]], dwell_s: [1]}}
    lines:
      middle: {{ends: [[0.5, 1], [0.5, 0]], to_right: east, to_left: west}}
  other: {{source: sim://ward, zones: *floor}}
alert: {{file: rules.yaml}}
"""

RULES = """
rules:
  - like: fall
    zones: right
  - {like: fall, name: fall-left, zones: left}
  - {like: fall, name: fall-but-there, excluded: right}
  - name: lies
    scope: zone
    zones: [left, right]
    when: {posture: lie, for_s: 1}
    escalate: [{after_s: 1, severity: critical}]
  - name: went-over
    when:
      within:
        first: {event: {kind: zone, label: "left:leave"}}
        then: {event: {kind: line, label: "middle:east", within_s: 1}}
        limit_s: 2
    severity: info
  - name: by-day
    when: {count: {at_least: 1}}
    for_s: 0.5
    schedule: [{from: "06:00", to: "22:00"}]
    severity: info
  - name: by-night
    when: {count: {at_least: 1}}
    for_s: 0.5
    schedule: [{from: "22:00", to: "06:00"}]
  - {name: elsewhere, when: {zone: left}, cameras: other}
"""


class Ward:
    """The run, and what can be asked of it."""

    def __init__(self, program: Program, dsn: str) -> None:
        self._program, self._dsn = program, dsn

    def rows(self, statement: str) -> list[dict[str, Any]]:
        said = self._program("query", statement, "--db", self._dsn, "-f", "json").done()
        return list(json.loads(said.out))


@pytest.fixture
def ward(program: Program, dsn: str, tmp_path: Path) -> Ward:
    (tmp_path / "c.yaml").write_text(CONFIG + CAMERA.format(source=painted(tmp_path / "pictures", FRAMES, walk=0.2)))
    (tmp_path / "rules.yaml").write_text(RULES)
    program("rules", "check", "rules.yaml", "-c", "c.yaml").done()
    program("run", "ward", "-c", "c.yaml", "--db", dsn, "--start-time", "2026-01-05T12:00:00Z").done()
    return Ward(program, dsn)


def test_zones_lines_and_rules_end_up_in_sql(ward: Ward) -> None:
    zones = ward.rows("SELECT kind, label, value FROM events WHERE kind IN ('zone', 'line') AND track_id IS NOT NULL")
    told = {(each["kind"], each["label"]) for each in zones}
    assert told == {("zone", f"left:{what}") for what in ("enter", "dwell", "leave")} | {
        ("line", "middle:east"),
        ("zone", "right:enter"),
        ("zone", "right:dwell"),
    }
    (stayed_s,) = (each["value"] for each in zones if each["label"] == "left:leave")
    assert stayed_s == pytest.approx(1.5, abs=0.5)

    found = ward.rows(
        "SELECT rule, severity, track_id IS NOT NULL AS person, payload->>'zone' AS zone,"
        " extract(epoch FROM started - '2026-01-05T12:00:00Z'::timestamptz)::float8 AS at_s FROM incidents"
    )
    incidents = {each["rule"]: each for each in found}

    assert len(found) == len(incidents)
    assert set(incidents) == {"fall", "lies", "went-over", "by-day"}
    assert (incidents["lies"]["severity"], incidents["lies"]["zone"]) == ("critical", "right")
    assert not incidents["lies"]["person"]
    assert incidents["went-over"]["at_s"] == pytest.approx(2.2, abs=0.5)
    assert incidents["fall"]["at_s"] == pytest.approx(3.3, abs=0.4)
    assert incidents["fall"]["zone"] is None
    steps = ward.rows("SELECT s.state, s.severity FROM incident_steps s JOIN incidents i USING (incident_id)"
                      " WHERE i.rule = 'lies' ORDER BY s.version")  # fmt: skip
    assert [(each["state"], each["severity"]) for each in steps] == [("new", "warning"), ("update", "critical")]


def test_rules_may_not_name_a_zone_that_no_camera_has(program: Program, dsn: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG + CAMERA.format(source=tmp_path))
    (tmp_path / "rules.yaml").write_text(RULES.replace("zones: right", "zones: rigth"))

    program("run", "ward", "-c", "c.yaml", "--db", dsn).refused(
        2, r"rules.yaml:4: rules\[0\].zones: .*'rigth', allowed: left, right; did you mean right", "docs/rules.md"
    )
