from __future__ import annotations

import shutil
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.core.errors import ConfigError, SourceError
from pipeline.core.ports import Picture, Source
from pipeline.video.damage import DamagedSource
from pipeline.video.folder import ImageFolder
from tests.unit.video.clips import number_of, picture


def write_images(folder: Path, count: int, name: str = "shot{}.png") -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        cv2.imwrite(str(folder / name.format(number)), picture(number))
    return folder


def test_images_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    source: Source = ImageFolder(write_images(tmp_path, 12), fps=10)

    pictures = list(source.pictures())

    assert [number_of(p.pixels) for p in pictures] == list(range(12))
    assert [p.pts_us for p in pictures] == [k * 100_000 for k in range(12)]
    assert (source.info.width, source.info.height, source.info.fps, source.info.frames) == (96, 64, 10, 12)
    assert source.info.kind == "folder"
    assert source.info.name == tmp_path.name


@pytest.mark.parametrize("name", ["{}.jpg", "{}.JPEG", "{}.png", "{}.bmp", "{}.webp"])
def test_every_format_is_read(tmp_path: Path, name: str) -> None:
    source = ImageFolder(write_images(tmp_path, 2, name))

    assert [number_of(p.pixels) for p in source.pictures()] == [0, 1]


def test_other_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".hidden.png").write_text("x")
    write_images(tmp_path / "inner", 1)

    assert len(list(ImageFolder(tmp_path).pictures())) == 1


def test_sizes_grey_alpha_and_depth_may_differ(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), picture(5, 97, 63))
    cv2.imwrite(str(tmp_path / "2.png"), picture(6)[:, :, 0])
    cv2.imwrite(str(tmp_path / "3.png"), np.dstack((picture(7), np.full((64, 96), 255, np.uint8))))
    cv2.imwrite(str(tmp_path / "4.png"), picture(8).astype(np.uint16) * 256)

    pictures = list(ImageFolder(tmp_path).pictures())

    assert [number_of(p.pixels) for p in pictures] == [5, 6, 7, 8]
    assert [p.pixels.shape for p in pictures] == [(63, 97, 3), (64, 96, 3), (64, 96, 3), (64, 96, 3)]
    assert all(p.pixels.dtype == np.uint8 for p in pictures)


def test_photo_of_a_turned_camera_stands_upright(tmp_path: Path) -> None:
    rotated_left = np.ascontiguousarray(np.rot90(picture(9)))
    jpeg = cv2.imencode(".jpg", rotated_left)[1].tobytes()
    turn_right = 6
    tiff = b"II*\x00\x08\x00\x00\x00" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, turn_right, 0, 0)
    app1 = b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\x00\x00" + tiff
    (tmp_path / "photo.jpg").write_bytes(jpeg[:2] + app1 + jpeg[2:])

    assert number_of(next(ImageFolder(tmp_path).pictures()).pixels) == 9


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_image_that_is_cut_off_is_left_out_and_named_at_the_end(tmp_path: Path, suffix: str) -> None:
    write_images(tmp_path, 4, "shot{}." + suffix)
    bad = tmp_path / f"shot2.{suffix}"
    bad.write_bytes(bad.read_bytes()[:-40])
    source = ImageFolder(tmp_path, fps=10)
    pictures: list[Picture] = []

    with pytest.raises(DamagedSource) as caught:
        pictures.extend(source.pictures())

    assert [number_of(p.pixels) for p in pictures] == [0, 1, 3]
    assert [p.seq for p in pictures] == [0, 1, 2]
    assert [p.pts_us for p in pictures] == [0, 100_000, 300_000]
    assert f"1 of 4 images cannot be read, the first is shot2.{suffix}" in caught.value.message
    assert caught.value.given == 3


def test_folder_of_damage_alone(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8 nothing")
    (tmp_path / "b.jpg").touch()

    with pytest.raises(SourceError, match="none of its 2 images can be read"):
        _ = ImageFolder(tmp_path).info


def test_starting_later_equals_skipping(tmp_path: Path) -> None:
    source = ImageFolder(write_images(tmp_path, 5))

    later = [(p.seq, p.pts_us, p.pixels.tobytes()) for p in source.pictures(3)]

    assert later == [(p.seq, p.pts_us, p.pixels.tobytes()) for p in source.pictures()][3:]


def test_fingerprint_is_of_the_content_in_its_order(tmp_path: Path) -> None:
    one = ImageFolder(write_images(tmp_path / "one", 3))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    shutil.copytree(tmp_path / "one", tmp_path / "three")
    (tmp_path / "three" / "shot0.png").rename(tmp_path / "three" / "shot9.png")

    assert ImageFolder(tmp_path / "two").info.fingerprint == one.info.fingerprint
    assert ImageFolder(tmp_path / "three").info.fingerprint != one.info.fingerprint


@pytest.mark.parametrize("fps", [0, -2, float("inf")])
def test_fps_must_be_positive(tmp_path: Path, fps: float) -> None:
    with pytest.raises(ConfigError, match="fps"):
        ImageFolder(tmp_path, fps=fps)
