from __future__ import annotations

import gc
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pipeline.core.errors import ConfigError
from pipeline.core.ports import Picture, Source
from pipeline.video.damage import DamagedSource
from pipeline.video.files import VideoFile
from tests.unit.video.clips import cut, number_of, write_clip

FASTSTART = {"movflags": "+faststart"}
B_FRAMES = {"bf": "3", "b_strategy": "0", "x264-params": "b-adapt=0"}
QUIET = {"x265-params": "log-level=none:bframes=2"}

FORMATS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "h264": ("clip.mp4", {}),
    "h264 with b-frames": ("clip.mkv", {"options": B_FRAMES}),
    "h264 of 10 bits": ("clip.mp4", {"pix_fmt": "yuv420p10le"}),
    "h264 in full range": ("clip.mp4", {"pix_fmt": "yuvj420p"}),
    "h264 in grey": ("clip.mp4", {"pix_fmt": "gray"}),
    "h264 of odd size": ("clip.mp4", {"pix_fmt": "yuv444p", "size": (97, 63)}),
    "h264 beside sound": ("clip.mp4", {"sound": True}),
    "h264 in a transport stream": ("clip.ts", {"options": B_FRAMES}),
    "h264 in avi with b-frames": ("clip.avi", {"options": B_FRAMES}),
    "h264 without container": ("clip.h264", {"container": "h264"}),
    "hevc": ("clip.mp4", {"codec": "libx265", "options": QUIET}),
    "mjpeg": ("clip.avi", {"codec": "mjpeg", "pix_fmt": "yuvj420p"}),
    "mpeg-4": ("clip.avi", {"codec": "mpeg4"}),
    "vp9": ("clip.webm", {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}),
    "gif": ("clip.gif", {"codec": "gif", "pix_fmt": "rgb8"}),
    "png in mov": ("clip.mov", {"codec": "png", "pix_fmt": "rgb48be"}),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_picture_comes_in_order_and_at_its_time(tmp_path: Path, name: str) -> None:
    file, how = FORMATS[name]
    source: Source = VideoFile(write_clip(tmp_path / file, **how))

    pictures = list(source.pictures())

    assert [number_of(p.pixels) for p in pictures] == list(range(20))
    assert [p.seq for p in pictures] == list(range(20))
    assert [p.pts_us for p in pictures] == [k * 40_000 for k in range(20)]
    assert all(p.pixels.dtype == np.uint8 and p.pixels.flags.c_contiguous for p in pictures)
    height, width = pictures[0].pixels.shape[:2]
    assert (source.info.width, source.info.height) == (width, height) == how.get("size", (96, 64))
    assert source.info.fps == 25
    assert source.info.frames in (20, None)
    assert source.info.kind == "file"


def test_variable_rate_is_kept(tmp_path: Path) -> None:
    times = [0, 40, 50, 200, 1000, 1033, 5000]
    source = VideoFile(write_clip(tmp_path / "clip.mkv", frames=7, times_ms=times, options={"bf": "0"}))

    assert [p.pts_us for p in source.pictures()] == [t * 1000 for t in times]


def test_slow_slide_show_is_not_taken_for_cut_off(tmp_path: Path) -> None:
    times = [0, 4000, 8000, 12000]
    source = VideoFile(write_clip(tmp_path / "clip.mp4", frames=4, times_ms=times, options={"bf": "0"}))

    assert [p.pts_us for p in source.pictures()] == [t * 1000 for t in times]


def test_time_begins_at_zero(tmp_path: Path) -> None:
    source = VideoFile(write_clip(tmp_path / "clip.mkv", frames=3, times_ms=[700, 800, 900]))

    assert [p.pts_us for p in source.pictures()] == [0, 100_000, 200_000]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", [False, True])
def test_pictures_stand_upright(tmp_path: Path, degrees: int, flip: bool) -> None:
    plain = next(VideoFile(write_clip(tmp_path / "plain.mp4", frames=1)).pictures()).pixels
    turned = VideoFile(write_clip(tmp_path / "turned.mp4", frames=1, rotation=(degrees, flip, False)))

    pixels = next(turned.pictures()).pixels

    expected = np.rot90(plain, degrees // 90)
    expected = expected[:, ::-1] if flip else expected
    assert np.array_equal(pixels, expected)
    assert pixels.flags.c_contiguous
    assert (turned.info.height, turned.info.width) == pixels.shape[:2]


def test_a_turned_film_stays_upright_and_lets_go_of_its_pictures(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "turned.mp4", frames=40, rotation=(90, False, False))

    gc.collect()
    gc.disable()  # what nobody holds goes at once, without a look for cycles
    try:
        pictures = list(VideoFile(clip).pictures())
        held = [thing for thing in gc.get_objects() if isinstance(thing, av.VideoFrame)]
    finally:
        gc.enable()

    assert len(held) <= 5  # key frames
    assert {p.pixels.shape for p in pictures} == {(96, 64, 3)}
    assert [number_of(np.rot90(p.pixels, -1)) for p in pictures] == list(range(40))


def test_colours_follow_the_tags_of_the_file(tmp_path: Path) -> None:
    bt709 = 1
    tagged = VideoFile(write_clip(tmp_path / "tagged.mp4", frames=1, colorspace=bt709))
    plain = VideoFile(write_clip(tmp_path / "plain.mp4", frames=1))

    for source in (tagged, plain):
        red = next(source.pictures()).pixels[10, 20].astype(int)
        assert np.abs(red - (30, 30, 220)).max() <= 6  # rounding of YUV in 8 bits, and the encoder


def test_size_may_change_in_mid_stream(tmp_path: Path) -> None:
    small = write_clip(tmp_path / "small.ts", frames=10)
    large = write_clip(tmp_path / "large.ts", frames=10, size=(128, 96))
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())

    pictures = list(VideoFile(both).pictures())

    assert [number_of(p.pixels) for p in pictures] == [*range(10), *range(10)]
    assert [p.pixels.shape[0] for p in pictures] == [64] * 10 + [96] * 10


def test_joined_recordings_go_on_in_time(tmp_path: Path) -> None:
    part = write_clip(tmp_path / "part.ts", frames=50)
    both = tmp_path / "both.ts"
    both.write_bytes(part.read_bytes() * 2)

    times = [p.pts_us for p in VideoFile(both).pictures()]

    assert len(times) == 100
    assert (np.diff(times) > 0).all()
    assert 3_800_000 < times[-1] < 4_000_000
    assert set(np.diff(times)[60:]) == {40_000}


@pytest.mark.parametrize("fps", [None, 10.0])
@pytest.mark.parametrize("start", [0, 1, 7, 19, 50])
def test_starting_later_equals_skipping(tmp_path: Path, start: int, fps: float | None) -> None:
    source = VideoFile(write_clip(tmp_path / "clip.mp4", options=B_FRAMES), fps=fps)

    assert _all(source.pictures(start)) == _all(source.pictures())[start:]


def test_fps_keeps_at_most_so_many_a_second(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=50)

    source = VideoFile(path, fps=5)
    pictures = list(source.pictures())

    assert [number_of(p.pixels) for p in pictures] == list(range(0, 50, 5))
    assert [p.seq for p in pictures] == list(range(10))
    assert [p.pts_us for p in pictures] == [k * 200_000 for k in range(10)]
    assert (source.info.fps, source.info.frames) == (5, 10)
    assert len(list(VideoFile(path, fps=60).pictures())) == 50


@pytest.mark.parametrize("fps", [0, -1, float("nan")])
def test_fps_must_be_positive(fps: float) -> None:
    with pytest.raises(ConfigError, match="fps"):
        VideoFile("clip.mp4", fps=fps)


@pytest.mark.parametrize(
    ("name", "share", "how"),
    [
        ("clip.mp4", 0.75, {"container_options": FASTSTART}),
        ("clip.mkv", 0.6, {}),
        ("clip.avi", 0.6, {"codec": "mjpeg", "pix_fmt": "yuvj420p"}),
    ],
)
def test_cut_off_file_gives_what_is_there_and_then_says_so(
    tmp_path: Path, name: str, share: float, how: Mapping[str, Any]
) -> None:
    path = cut(write_clip(tmp_path / name, frames=60, options={"g": "10", "q": "5"}, **how), share)
    source = VideoFile(path)

    pictures, error = _until_error(source)

    assert 10 <= len(pictures) < 55
    assert [number_of(p.pixels) for p in pictures[:-1]] == list(range(len(pictures) - 1))
    assert error.cut_off
    assert error.given == len(pictures)
    assert f"cut off after picture {len(pictures)}" in error.message


def test_damage_in_the_middle_costs_only_what_is_damaged(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=60, options={"g": "10", "bf": "0"}, container_options=FASTSTART)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 600] = b"\x55" * 600
    path.write_bytes(content)

    pictures, error = _until_error(VideoFile(path))

    assert not error.cut_off
    assert error.given == len(pictures)
    assert "could not be decoded" in error.message
    assert number_of(pictures[0].pixels) == 0
    assert number_of(pictures[-1].pixels) == 59
    assert (np.diff([p.pts_us for p in pictures]) > 0).all()
    assert _all(iter(pictures)) == _all(iter(_until_error(VideoFile(path))[0]))


def test_fingerprint_is_of_the_content_alone(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4")
    other = write_clip(tmp_path / "other.mp4", frames=21)
    (tmp_path / "elsewhere").mkdir()
    copy = Path(shutil.copy(path, tmp_path / "elsewhere" / "copy.bin"))

    assert VideoFile(path).info.fingerprint == VideoFile(copy).info.fingerprint
    assert VideoFile(path).info.fingerprint != VideoFile(other).info.fingerprint
    assert VideoFile(copy).info.name == "copy.bin"


def test_names_that_look_like_addresses_are_files(tmp_path: Path) -> None:
    for name in ("rtsp:camera.mp4", "%03d.mp4", "a b#c?d.mp4", "pipe:0"):
        path = tmp_path / name
        shutil.copy(write_clip(tmp_path / "clip.mp4", frames=2), path)

        assert len(list(VideoFile(path).pictures())) == 2


def _all(pictures: Any) -> list[tuple[int, int, bytes]]:
    return [(p.seq, p.pts_us, p.pixels.tobytes()) for p in pictures]


def _until_error(source: VideoFile) -> tuple[list[Picture], DamagedSource]:
    pictures: list[Picture] = []
    with pytest.raises(DamagedSource) as caught:
        pictures.extend(source.pictures())
    return pictures, caught.value
