from __future__ import annotations

from pipeline.cli.top_database import camera_rows
from pipeline.cli.top_stages import StageMetrics
from pipeline.core.cameras import CameraSpec, CameraStatus

NOW_US = 1_800_000_000_000_000


def spec(name: str, *, paused: bool = False) -> CameraSpec:
    return CameraSpec(name, 1, "sim://x", "live", paused=paused)


def status(name: str, ago_s: float, state: str = "live") -> CameraStatus:
    return CameraStatus(name, 1, NOW_US - round(ago_s * 1e6), state, "", 10.0, 40, 0)  # type: ignore[arg-type]


def test_frames_are_counted_by_what_became_of_them() -> None:
    lately = [
        ("hall", "stored", None, None, 500, 40, 0.2, 3),
        ("hall", "dropped", "pose", "late", 7, 0, 1.0, None),
        ("hall", "dropped", "detect", "late", 2, 0, 1.0, None),
    ]

    (row,) = camera_rows([spec("hall")], [status("hall", 1.0)], lately, NOW_US)

    assert (row.state, row.fps, row.age_s, row.people) == ("live", 8.0, 0.2, 3)
    assert row.silent_s == 1.0
    assert list(row.dropped.items()) == [("detect: late", 2), ("pose: late", 7)]


def test_without_results_the_age_is_that_of_the_last_picture() -> None:
    (row,) = camera_rows([spec("hall")], [status("hall", 100.0, "waiting")], [], NOW_US)

    assert (row.state, row.fps, row.age_s, row.people) == ("waiting", 0.0, 100.04, None)


def test_a_paused_camera_is_not_silent_and_one_that_was_removed_is_forgotten() -> None:
    rows = camera_rows([spec("off", paused=True)], [status("off", 5.0), status("gone", 61.0)], [], NOW_US)

    assert [(row.camera, row.state, row.silent_s) for row in rows] == [("off", "paused", None)]


def test_recorded_cameras_have_no_age_and_no_rate() -> None:
    (row,) = camera_rows([], [], [("film", "stored", None, None, 9, 9, -3.0, 1)], NOW_US)

    assert (row.camera, row.state, row.fps, row.age_s, row.people) == ("film", "", None, None, 1)


def test_stages_are_told_by_two_looks_and_anew_after_a_restart() -> None:
    now = [0.0]
    stages = StageMetrics("127.0.0.1", 1, lambda: now[0])

    def look(at_s: float, frames: int, seconds: float) -> tuple[str, float | None, float | None]:
        now[0] = at_s
        labels = 'stage="pose",worker="run"'
        (row,) = stages.took(
            "# TYPE posebus_stage_seconds histogram\n"
            f'posebus_stage_seconds_bucket{{le="+Inf",{labels}}} {frames}\n'
            f"posebus_stage_seconds_count{{{labels}}} {frames}\nposebus_stage_seconds_sum{{{labels}}} {seconds}\n"
        )
        return row.stage, row.fps, row.ms

    assert look(0.0, 100, 2.0) == ("pose", None, None)
    assert look(2.0, 140, 3.0) == ("pose", 20.0, 25.0)
    assert look(3.0, 10, 1.0) == ("pose", None, None)
    assert stages.took("<html>another program</html>") == []
    assert stages() == ()  # nobody listens
