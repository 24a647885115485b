"""How cameras were, in SQL; and that no password rests in clear."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.core.errors import PosebusError
from pipeline.database import open_database

AT = 1_790_000_000_000_000


def test_history_has_a_row_for_each_change_of_state_or_reason(dsn: str) -> None:
    with open_database(dsn, Path("unused")) as database:
        store = database.cameras()
        hall = CameraStatus("hall", store.camera_no("hall"), AT, "live", "", 10.0, 5, 0)
        later = [
            replace(hall, at_us=AT + 2_000_000, fps=11.0),
            replace(hall, at_us=AT + 4_000_000, state="waiting", reason="gone", fps=0.0, age_ms=900),
            replace(hall, at_us=AT + 6_000_000, state="waiting", reason="gone", fps=0.0, age_ms=2900),
            replace(hall, at_us=AT + 8_000_000, state="live", restarts=1),
        ]
        store.note([hall])
        store.note(later)

        rows = database.query(
            "SELECT extract(epoch FROM ts)::int, camera, state, reason, fps, age_ms, restarts FROM camera_status"
            " ORDER BY ts"
        ).rows
    begin = AT // 1_000_000
    assert rows == [
        (begin, "hall", "live", "", 10.0, 5, 0),
        (begin + 4, "hall", "waiting", "gone", 0.0, 900, 0),
        (begin + 8, "hall", "live", "", 10.0, 5, 1),
    ]


def test_the_database_itself_refuses_a_password_in_clear(dsn: str) -> None:
    with open_database(dsn, Path("unused")) as database:
        store = database.cameras()
        spec = CameraSpec("hall", store.camera_no("hall"), "rtsp://host/x", mode="live", password="clear")
        with pytest.raises(PosebusError) as caught:
            store.put(spec)
    assert "clear" not in f"{caught.value.hint}"
