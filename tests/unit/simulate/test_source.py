from __future__ import annotations

import hashlib
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest

from pipeline.core.ports import Source
from pipeline.video.simulate import SimulatedSource, Simulation, parse_scene

SMALL = "width=160&height=120&fps=5"
_HASH = """
import hashlib
from pipeline.video.simulate import Simulation, parse_scene
clip = Simulation(parse_scene({url!r}))
print(hashlib.sha256(b"".join(clip.picture(k).tobytes() for k in (0, 40, 90))).hexdigest())
"""


@pytest.mark.parametrize(
    "scene", ["gym?people=3", "ward?seed=2", "street?seed=2&noise=4&shake=2&jpeg=50", "gym?exercise=mixed&k1=-0.2"]
)
def test_a_picture_does_not_depend_on_where_reading_began(scene: str) -> None:
    source = SimulatedSource(parse_scene(f"sim://{scene}&{SMALL}&seconds=6"))
    whole = list(source.pictures())

    late = list(SimulatedSource(source.spec).pictures(start=11))

    assert [picture.seq for picture in whole] == list(range(30))
    assert [picture.seq for picture in late] == list(range(11, 30))
    for one, other in zip(whole[11:], late, strict=True):
        assert one.pts_us == other.pts_us
        assert np.array_equal(one.pixels, other.pixels)


def test_another_process_makes_the_same_bytes() -> None:
    url = f"sim://gym?people=2&seed=5&{SMALL}"
    clip = Simulation(parse_scene(url))
    here = hashlib.sha256(b"".join(clip.picture(k).tobytes() for k in (0, 40, 90))).hexdigest()

    there = subprocess.run(
        [sys.executable, "-c", _HASH.format(url=url)], capture_output=True, text=True, check=True, timeout=60
    )

    assert there.stdout.strip() == here


def test_a_short_clip_is_the_beginning_of_a_long_one() -> None:
    short = Simulation(parse_scene(f"sim://gym?seed=4&{SMALL}&seconds=4"))
    long = Simulation(parse_scene(f"sim://gym?seed=4&{SMALL}&seconds=90"))

    assert np.array_equal(short.picture(17), long.picture(17))


@pytest.mark.parametrize("scene", ["gym", "ward", "street"])
def test_seeds_differ_in_room_and_people(scene: str) -> None:
    one, other = (Simulation(parse_scene(f"sim://{scene}?seed={seed}&{SMALL}")) for seed in (0, 1))

    assert not np.array_equal(one.picture(0), other.picture(0))
    assert one.annotations()[0].height_m != other.annotations()[0].height_m


def test_what_is_known_before_reading() -> None:
    source: Source = SimulatedSource(parse_scene("sim://ward?seed=2&fps=30&seconds=1"))

    assert source.info.fingerprint == "sim://ward?fps=30&height=480&people=1&seconds=1&seed=2&width=640"
    assert (source.info.kind, source.info.width, source.info.height) == ("sim", 640, 480)
    assert source.info.frames == 30
    picture = next(islice(source.pictures(start=29), 1))
    assert picture.pts_us == 966_667
    assert picture.pixels.shape == (480, 640, 3)
    assert picture.pixels.dtype == np.uint8


def test_nothing_is_read_past_the_end() -> None:
    source = SimulatedSource(parse_scene(f"sim://gym?{SMALL}&seconds=1"))

    assert list(source.pictures(start=5)) == []


def test_odd_and_small_pictures_can_be_drawn() -> None:
    clip = Simulation(parse_scene("sim://gym?people=8&width=67&height=91&fps=1"))

    assert clip.picture(12).shape == (91, 67, 3)
