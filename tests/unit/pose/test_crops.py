from __future__ import annotations

import numpy as np

from stages.pose.crops import crops


def noise() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (120, 160, 3), dtype=np.uint8)


def test_crop_of_its_own_size_is_that_part_of_the_frame() -> None:
    pixels = noise()

    (crop,) = crops(pixels, np.array([[60, 50, 64, 0]], dtype=np.float32), 64)

    assert (crop == pixels[18:82, 28:92]).all()


def test_crop_of_someone_lying_to_the_right_is_turned_upright() -> None:
    pixels = noise()

    (crop,) = crops(pixels, np.array([[60, 50, 64, np.pi / 2]], dtype=np.float32), 64)

    # What points to the right of the frame points up in the crop; interpolation leaves one grey value.
    turned = np.rot90(pixels[18:82, 28:92])
    assert np.abs(crop.astype(int) - turned.astype(int)).max() <= 8
    assert np.abs(crop.astype(int) - turned.astype(int)).mean() <= 1


def test_edge_of_the_frame_goes_on() -> None:
    pixels = np.full((120, 160, 3), 10, dtype=np.uint8)
    pixels[:, 0] = 200

    (crop,) = crops(pixels, np.array([[0, 60, 64, 0]], dtype=np.float32), 64)

    assert (crop[:, :32] == 200).all()


def test_no_regions_give_no_crops() -> None:
    assert crops(noise(), np.zeros((0, 4), dtype=np.float32), 64).shape == (0, 64, 64, 3)
