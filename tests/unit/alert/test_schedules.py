from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from pipeline.core.errors import ConfigError
from stages.alert import FALL
from stages.alert.schedules import Hours, hold
from stages.alert.trial import Happening
from tests.unit.alert.scripts import LIES, at, came, lives, rule


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


@pytest.mark.parametrize(
    ("hours", "when", "holds"),
    [
        (Hours(from_="08:00", to="17:00"), "2026-01-05T08:00:00+00:00", True),
        (Hours(from_="08:00", to="17:00"), "2026-01-05T16:59:59+00:00", True),
        (Hours(from_="08:00", to="17:00"), "2026-01-05T17:00:00+00:00", False),
        (Hours(days=("tue",)), "2026-01-05T12:00:00+00:00", False),
        # Monday's night goes on into Tuesday, and Sunday's into Monday.
        (Hours(days=("mon",), from_="22:00", to="06:00"), "2026-01-06T05:59:00+00:00", True),
        (Hours(days=("mon",), from_="22:00", to="06:00"), "2026-01-05T05:59:00+00:00", False),
        (Hours(days=("sun",), from_="22:00", to="06:00"), "2026-01-05T05:59:00+00:00", True),
        (Hours(from_="09:00", to="09:00"), "2026-01-05T03:00:00+00:00", True),
        # 22:30 in Berlin, in winter and in summer; and the night in which 02:00 to 03:00 is missing.
        (Hours(from_="22:00", to="23:00", time_zone="Europe/Berlin"), "2026-01-05T21:30:00+00:00", True),
        (Hours(from_="22:00", to="23:00", time_zone="Europe/Berlin"), "2026-07-05T20:30:00+00:00", True),
        (Hours(from_="22:00", to="23:00", time_zone="Europe/Berlin"), "2026-07-05T21:30:00+00:00", False),
        (Hours(from_="02:00", to="04:00", time_zone="Europe/Berlin"), "2026-03-29T00:59:00+00:00", False),
        (Hours(from_="02:00", to="04:00", time_zone="Europe/Berlin"), "2026-03-29T01:00:00+00:00", True),
        (Hours(days=("tue",), time_zone="Asia/Tokyo"), "2026-01-05T16:00:00+00:00", True),
    ],
)
def test_hours_hold_by_event_time(hours: Hours, when: str, holds: bool) -> None:
    assert hours.hold(us(when)) is holds
    assert hold((hours,), us(when)) is holds
    assert hold((), us(when))


def test_nothing_opens_outside_of_the_hours() -> None:
    night = (Hours(from_="22:00", to="06:00"),)

    for one in (rule(LIES, schedule=night), replace(FALL, schedule=night)):
        steps = [at(0, Happening("fall", "confirmed", 1), p1="lie")]
        assert len(came(one, *steps, start="2026-01-05T12:00:00+00:00")) == 0
        assert len(came(one, *steps, start="2026-01-05T23:00:00+00:00")) == 1


def test_what_lasts_opens_when_the_hours_begin_and_goes_on_after_them() -> None:
    night = rule(LIES, schedule=(Hours(from_="22:00", to="22:01"),))

    incidents = came(night, at(0, p1="lie"), at(90, p1="stand"), start="2026-01-05T21:59:30+00:00")

    assert lives(incidents) == [(30.0, 90.0)]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"days": ("monday",)}, "'monday', allowed: mon"),
        ({"days": ()}, "days is empty"),
        ({"from_": "9:00"}, "from is '9:00', allowed: HH:MM"),
        ({"to": "24:30"}, "to is '24:30'"),
        ({"time_zone": "Europe/Berln"}, "did you mean Europe/Berlin"),
        ({"time_zone": "../etc/passwd"}, "allowed: an IANA name"),
        ({"time_zone": ""}, "allowed: an IANA name"),
    ],
)
def test_wrong_hours_are_told(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Hours(**wrong)  # type: ignore[arg-type]
