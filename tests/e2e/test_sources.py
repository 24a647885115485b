"""Sources that cannot be read, and sources that break in the middle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.e2e.conftest import Program
from tests.e2e.terminal import SECRET
from tests.unit.video.clips import cut, write_clip, write_sound


def _cut_mp4(folder: Path) -> Path:
    return cut(write_clip(folder / "gym.mp4"), 0.6)


def _written(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    return make


def _folder(folder: Path) -> Path:
    (folder / "shots").mkdir()
    return folder / "shots"


@pytest.mark.parametrize(
    ("make", "error", "hint"),
    [
        (lambda folder: folder / "gmy.mp4", r"gmy.mp4 does not exist", r"did you mean .*gym\.mp4\?"),
        (lambda folder: folder / "no" / "gym.mp4", r"there is no folder .*/no$", r"exists$"),
        (_written("empty.mp4", b""), r"empty.mp4 is empty \(0 bytes\)", "record it again"),
        (_cut_mp4, r"cut_gym.mp4 is cut off: its index .* is missing", "copy it again"),
        (_written("a.mp4", b"hello " * 99), r"a.mp4 is not a video", "posebus reads video files"),
        (_written("notes.txt", b"hello"), r"notes.txt is not a video", "posebus reads video files"),
        (lambda folder: write_sound(folder / "song.m4a"), "song.m4a holds sound only", "posebus reads video files"),
        (_folder, "shots is a folder without images", r"\.jpg"),
        (lambda _: Path("/dev/null"), "neither a file nor a folder", "give a video file"),
    ],
    ids=["missing", "no folder", "empty", "cut off", "not a video", "text", "sound only", "no images", "device"],
)
def test_a_file_without_pictures_is_refused(
    make: Callable[[Path], Path], error: str, hint: str, program: Program, tmp_path: Path
) -> None:
    write_clip(tmp_path / "gym.mp4", frames=2)

    program("run", str(make(tmp_path))).refused(3, error, hint)


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ("sim://wart", "no scene 'wart'; scenes are gym, ward", "did you mean ward"),
        ("sim://gym?peeple=2", "no parameter 'peeple'; it has people, seed", "did you mean people"),
        ("sim://gym?people=99", "people is 99, expected a whole number from 1 to 8", "the default is 2"),
        ("sim://gym?people=two", "people is 'two', expected a whole number", "the default is 2"),
        ("sim://gym?people", "does not read as parameters", "name=value"),
        (f"sim://ann:{SECRET}@gym", "a scene has no user", "did you mean gym"),
        (f"rtmp://ann:{SECRET}@10.0.0.1/x", r"rtmp://ann:\*\*\*@10\.0\.0\.1/x: no address of a source", "rtsp://"),
        (f"postgresql://ann:{SECRET}@db/x", "unknown kind of source postgresql://", "give a video file"),
        ("", "a source has no name", "name a video file"),
    ],
)
def test_an_address_without_pictures_is_refused(text: str, error: str, hint: str, program: Program) -> None:
    program("run", text).refused(2 if text == "" else 3, error, hint)


def test_nothing_to_run_is_told(program: Program) -> None:
    program("run").refused(2, "nothing to run", "posebus run 'sim://gym")


def test_one_bad_source_of_several_is_told_before_anything_runs(program: Program, fake: str, dsn: str) -> None:
    done = program("run", "sim://gym?seconds=1", "nothing.mp4", "--config", fake, "--db", dsn)

    done.refused(3, "nothing.mp4 does not exist", "give a video file")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM pose_raw.cameras").fetchone() == (0,)


def test_what_can_be_read_of_a_broken_file_is_stored_and_the_others_go_on(
    program: Program, fake: str, dsn: str, tmp_path: Path
) -> None:
    broken = cut(write_clip(tmp_path / "a.mkv", frames=40), 0.6)
    whole = write_clip(tmp_path / "b.mkv", frames=30)

    done = program("run", str(broken), str(whole), "--config", fake, "--db", dsn)

    assert done.code == 3
    done.noted("camera cut_a.mkv: what could be read is stored")
    assert "error: " in done.err
    assert "cut_a.mkv is cut off after picture" in done.err
    count = "SELECT camera, count(*) FROM frame_outcomes GROUP BY 1"
    counted = program("query", count, "--db", dsn, "-f", "csv")
    rows = dict(line.split(",") for line in counted.out.split()[1:])
    assert 0 < int(rows["cut_a.mkv"]) < 40
    assert rows["b.mkv"] == "30"
