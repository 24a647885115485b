"""Hours of the week in which a rule may open incidents, by event time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from stages.alert.words import RuleError, require

DAYS: tuple[str, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MIN = 24 * 60
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")


@dataclass(frozen=True, slots=True)
class Hours:
    """From one time of the day to another, on some days of the week."""

    days: tuple[str, ...] = DAYS
    """Days: mon, tue, wed, thu, fri, sat, sun. Hours that go past midnight belong to the day on which they begin."""

    from_: str = "00:00"
    """When they begin, HH:MM on the clock of the time zone."""

    to: str = "24:00"
    """When they end, HH:MM; at or before the beginning means on the next day."""

    time_zone: str = "UTC"
    """IANA name of the time zone, such as Europe/Berlin. Summer time is as its law says."""

    def __post_init__(self) -> None:
        require("day", self.days, DAYS)
        if not self.days:
            raise RuleError("days is empty, allowed: at least one of mon ... sun")
        for name, clock in (("from", self.from_), ("to", self.to)):
            if not _CLOCK.fullmatch(clock):
                raise RuleError(f"{name} is {clock!r}, allowed: HH:MM from 00:00 to 24:00, in quotes")
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            _refuse_zone(self.time_zone)

    def hold(self, now_us: int) -> bool:
        """Whether they hold at an event time."""
        local = datetime.fromtimestamp(now_us // 1_000_000, UTC).astimezone(ZoneInfo(self.time_zone))
        minute = local.hour * 60 + local.minute
        begin, end = _minute(self.from_), _minute(self.to)
        today = DAYS[local.weekday()] in self.days
        if begin < end:
            return today and begin <= minute < end
        yesterday = DAYS[local.weekday() - 1] in self.days
        return (today and minute >= begin) or (yesterday and minute < end)


def hold(hours: Sequence[Hours], now_us: int) -> bool:
    """Whether any of them holds; without any, it is always so."""
    return not hours or any(each.hold(now_us) for each in hours)


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def _refuse_zone(name: str) -> None:
    known = available_timezones()
    try:
        require("time zone", (name,), sorted(known))
    except RuleError as error:
        _, _, guess = error.message.partition("; did you mean ")
        end = f"; did you mean {guess}" if guess else ""
        raise RuleError(f"time_zone is {name!r}, allowed: an IANA name such as Europe/Berlin{end}") from None
