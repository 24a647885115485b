from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.core.errors import SourceError
from pipeline.video.files import VideoFile
from pipeline.video.folder import ImageFolder
from pipeline.video.open import open_source
from pipeline.video.simulate import SimulatedSource
from tests.unit.video.clips import cut, write_clip, write_sound
from tests.unit.video.test_folder import write_images

NOBODY = 65534


def refusal(text: Path | str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        open_source(str(text))
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 3
    return caught.value


def test_file_folder_and_scene_are_told_apart(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a clip.mp4")

    assert isinstance(open_source(str(clip)), VideoFile)
    assert isinstance(open_source(clip.as_uri()), VideoFile)
    assert isinstance(open_source(str(write_images(tmp_path / "images", 2))), ImageFolder)
    assert isinstance(open_source("sim://gym?people=1&seconds=1"), SimulatedSource)


def test_fps_reaches_every_kind(tmp_path: Path) -> None:
    assert open_source(str(write_clip(tmp_path / "clip.mp4")), fps=5).info.fps == 5
    assert open_source(str(write_images(tmp_path / "images", 2)), fps=2).info.fps == 2
    assert open_source(str(tmp_path / "images")).info.fps == 25
    assert open_source("sim://gym?fps=20&seconds=1", fps=5).info.fps == 5
    assert open_source("sim://gym?fps=20&seconds=1", fps=50).info.fps == 20


def test_missing_file_names_those_that_are_like_it(tmp_path: Path) -> None:
    write_clip(tmp_path / "Kitchen.mp4")

    error = refusal(tmp_path / "kitchn.mp4")

    assert "does not exist" in error.message
    assert error.hint is not None
    assert "did you mean" in error.hint
    assert str(tmp_path / "Kitchen.mp4") in error.hint
    assert "give a video file" in str(refusal(tmp_path / "other").hint)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    error = refusal(tmp_path / "clips" / "today" / "a.mp4")

    assert f"no folder {tmp_path / 'clips' / 'today'}" in error.message
    assert error.hint == f"{tmp_path} exists"


def test_path_through_a_file_does_not_exist(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")

    assert "does not exist" in refusal(clip / "inner.mp4").message


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()

    assert "is empty (0 bytes)" in refusal(tmp_path / "empty.mp4").message


def test_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")

    error = refusal(tmp_path)

    assert "folder without images" in error.message
    assert error.hint is not None
    assert ".jpg" in error.hint


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("random.mp4", bytes(range(256)) * 40),
        ("notes.txt", b"a line of text\n" * 50),
        ("page.html", b"<html><body>not here</body></html>"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:10,\nhttp://user:hunter2@127.0.0.1:9/x.ts\n"),
        ("list.ffconcat", b"ffconcat version 1.0\nfile other.mp4\n"),
        ("camera.sdp", b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5000 RTP/AVP 96\na=rtpmap:96 H264/90000\n"),
        ("table.csv", b"a,b\n1,2\n"),
    ],
)
def test_what_is_no_video(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    error = refusal(tmp_path / name)

    assert "is not a video" in error.message
    assert error.hint is not None
    assert "hunter2" not in str(error) + error.hint


def test_sound_only(tmp_path: Path) -> None:
    assert "sound only" in refusal(write_sound(tmp_path / "sound.m4a")).message


def test_recording_that_was_not_finished(tmp_path: Path) -> None:
    error = refusal(cut(write_clip(tmp_path / "clip.mp4"), 0.6))

    assert "moov" in error.message
    assert error.hint is not None


def test_file_without_pictures(tmp_path: Path) -> None:
    content = write_clip(tmp_path / "clip.mkv").read_bytes()
    first_cluster = content.index(b"\x1f\x43\xb6\x75")
    (tmp_path / "head.mkv").write_bytes(content[:first_cluster])

    assert "no picture that can be decoded" in refusal(tmp_path / "head.mkv").message


@pytest.mark.parametrize("inside", ["file", "folder"])
def test_no_permission(tmp_path: Path, inside: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "in").mkdir()
        locked = Path(shutil.copy(clip, place / "in"))
        place.chmod(0o755)
        (place / "in").chmod(0o755 if inside == "file" else 0o000)
        locked.chmod(0o000)
        with ordinary_user():
            error = refusal(locked)
        (place / "in").chmod(0o755)

    assert "no permission" in error.message
    assert error.hint is not None


def test_neither_file_nor_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")

    assert "neither a file nor a folder" in refusal(tmp_path / "pipe.mp4").message


@pytest.mark.parametrize("scheme", ["rtsp", "RTSPS", "http"])
def test_network_cameras_are_refused_without_their_password(scheme: str) -> None:
    error = refusal(f"{scheme}://admin:hunter2@camera.example/stream")

    assert "no address of a source that can be read here" in error.message
    assert "hunter2" not in str(error)
    assert "camera.example" in error.message


def test_unknown_kind_of_source() -> None:
    assert "unknown kind of source s3://" in refusal("s3://bucket/clip.mp4").message


def test_unknown_scene_is_refused() -> None:
    assert "scene" in refusal("sim://gim").message


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Root may read everything: be nobody for a while."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(was)
