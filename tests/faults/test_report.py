"""The report of lost cameras fails where one was seen or found again too late."""

from __future__ import annotations

import pytest

from tests.faults.__main__ import Held, Outage
from tests.faults.report import write_report

LEVELS = [Held()] * 4


def verdict(outage: Outage) -> list[str]:
    return write_report([outage], LEVELS, 1, 1.0, 1.0, None)[1]


@pytest.mark.parametrize(
    ("kind", "seen_s", "back_s", "said"),
    [
        ("reset", 0.1, 1.0, None),
        ("clock steps", None, 0.1, None),
        ("reader hangs", 3.01, 3.0, "seen after 3.01 s"),
        ("reset", 0.1, 4.01, "back 4.01 s after reset, wanted 4 s"),
        ("reader hangs", 2.1, 5.9, None),
        ("reader hangs", 2.1, 6.1, "back 6.10 s after reader hangs, wanted 6 s"),
        ("answers 401", 0.1, 33.0, None),
        ("answers 401", 3.5, 33.0, "seen after 3.50 s"),
    ],
)
def test_what_is_late_fails(kind: str, seen_s: float | None, back_s: float, said: str | None) -> None:
    failures = verdict(Outage(kind, "camera 0", seen_s, back_s))

    assert len(failures) == (said is not None)
    assert said is None or said in failures[0]
