from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import ConfigError
from pipeline.video.files import VideoFile
from pipeline.video.writer import VideoWriter
from tests.unit.video.clips import number_of, picture
from tests.unit.video.test_open import ordinary_user


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".M4V"])
def test_pictures_and_their_times_come_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    times = [0, 40_000, 120_000, 500_000, 533_000, 2_000_000]

    with VideoWriter(path, 96, 64, fps=25) as writer:
        for number, at_us in enumerate(times):
            writer.write(picture(number), at_us)
        assert not path.exists()
    pictures = list(VideoFile(path).pictures())

    assert [number_of(p.pixels) for p in pictures] == list(range(6))
    assert np.abs(np.array([p.pts_us for p in pictures]) - times).max() <= 1000  # Matroska counts in milliseconds
    assert np.abs(pictures[0].pixels.astype(int) - picture(0)).mean() < 4
    assert list(tmp_path.iterdir()) == [path]


def test_odd_sizes_get_one_more_line(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", 97, 63, fps=25) as writer:
        writer.write(picture(9, 97, 63), 0)

    pixels = next(VideoFile(tmp_path / "out.mp4").pictures()).pixels

    assert pixels.shape == (64, 98, 3)
    assert number_of(pixels) == 9


def test_picture_of_another_size_is_fitted_in(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", 96, 64, fps=25) as writer:
        writer.write(picture(0), 0)
        writer.write(picture(5, 64, 96), 40_000)

    pixels = list(VideoFile(tmp_path / "out.mp4").pictures())[1].pixels

    assert pixels.shape == (64, 96, 3)
    assert pixels[:, :20].max() < 40
    assert number_of(pixels[:, 27:69]) == 5


def test_index_stands_first(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", 96, 64, fps=25) as writer:
        writer.write(picture(0), 0)

    content = (tmp_path / "out.mp4").read_bytes()

    assert content.index(b"moov") < content.index(b"mdat")


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")

    with pytest.raises(ZeroDivisionError), VideoWriter(path, 96, 64, fps=25) as writer:
        writer.write(picture(0), 1 // 0)

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_times_must_grow(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", 96, 64, fps=25) as writer:
        writer.write(picture(0), 40_000)
        with pytest.raises(ValueError, match="later"):
            writer.write(picture(1), 40_000)


@pytest.mark.parametrize("name", ["out.xyz", "out", "out.gif"])
def test_unknown_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="suffix") as caught:
        VideoWriter(tmp_path / name, 96, 64, fps=25)

    assert caught.value.hint is not None
    assert ".mp4" in caught.value.hint


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no folder"):
        VideoWriter(tmp_path / "none" / "out.mp4", 96, 64, fps=25)


def test_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").mkdir()

    with pytest.raises(ConfigError, match="is a folder"):
        VideoWriter(tmp_path / "out.mp4", 96, 64, fps=25)


def test_no_permission_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with ordinary_user(), pytest.raises(ConfigError, match="cannot be written: Permission denied") as caught:
        VideoWriter(tmp_path / "out.mp4", 96, 64, fps=25)
    tmp_path.chmod(0o755)

    assert caught.value.hint is not None


@pytest.mark.parametrize(("width", "height", "fps"), [(0, 64, 25.0), (96, 64, 0.0), (96, 64, float("nan"))])
def test_size_and_rate_must_be_positive(tmp_path: Path, width: int, height: int, fps: float) -> None:
    with pytest.raises(ConfigError, match="above 0"):
        VideoWriter(tmp_path / "out.mp4", width, height, fps)
