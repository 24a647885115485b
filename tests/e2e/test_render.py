"""Videos that cannot be drawn, and one that can."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.e2e.conftest import Program
from tests.e2e.painted import CONFIG, painted
from tests.unit.video.clips import write_sound

SCENE = "sim://gym?seconds=1"


@pytest.mark.parametrize(
    ("output", "error", "hint"),
    [
        ("a.txt", "cannot write a video with the suffix '.txt'", r"use one of \.mp4"),
        ("a", "cannot write a video with the suffix ''", r"use one of \.mp4"),
        ("no/a.mp4", "there is no folder no", "make it"),
        ("c.yaml/a.mp4", "c.yaml/a.mp4 cannot be written: Not a directory", "another folder"),
        ("d.mp4", "d.mp4 cannot be written: is a folder", "another name"),
        ("/proc/a.mp4", "/proc/a.mp4 cannot be written", "."),
    ],
)
def test_a_place_that_takes_no_video_is_told_before_anything_runs(
    output: str, error: str, hint: str, program: Program, dsn: str, tmp_path: Path
) -> None:
    (tmp_path / "c.yaml").write_text("")
    (tmp_path / "d.mp4").mkdir()

    program("render", SCENE, "-o", output, "--db", dsn).refused(2, error, hint)

    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM pose_raw.cameras").fetchone() == (0,)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.yaml", "d.mp4"]


def test_a_source_that_cannot_be_read_is_told(program: Program, tmp_path: Path) -> None:
    program("render", "none.mp4", "-o", "a.mp4").refused(3, "none.mp4 does not exist", "give a video file")
    song = str(write_sound(tmp_path / "song.m4a"))
    program("render", song, "-o", "a.mp4").refused(3, "holds sound only", "posebus reads")
    program("render", "sim://gmy", "-o", "a.mp4").refused(3, "no scene 'gmy'", "did you mean gym")
    assert not (tmp_path / "a.mp4").exists()


def test_a_source_that_is_not_stored_is_run_first_and_once(program: Program, dsn: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG)
    source = painted(tmp_path / "gym", 30)

    for output in ("a.mp4", "[b].mkv"):
        done = program("render", source, "-o", output, "--config", "c.yaml", "--db", dsn).done()
        assert done.out.split("\n")[0] == f"{output}: 30 frames of camera gym"

    assert (tmp_path / "a.mp4").stat().st_size > 1000
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM pose_raw.frame_outcomes").fetchone() == (30,)
