from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config, load_config
from pipeline.core.errors import ConfigError

SHOP = """cameras:
  shop:
    source: sim://street
    zones:
      till:
        corners: [[0.1, 0.5], [0.4, 0.5], [0.4, 1]]
        dwell_s: [10, 60]
    lines:
      door:
        ends: [[0.2, 0.9], [0.8, 0.9]]
        to_right: in
        to_left: out
"""


def load(folder: Path, text: str) -> Config:
    (folder / "posebus.yaml").write_text(text)
    return load_config(folder / "posebus.yaml", {})


def test_zones_and_lines_of_a_camera_are_its_scene(tmp_path: Path) -> None:
    scene = load(tmp_path, SHOP).camera("shop").scene

    assert scene.zones["till"].corners == ((0.1, 0.5), (0.4, 0.5), (0.4, 1.0))
    assert scene.zones["till"].dwell_s == (10.0, 60.0)
    assert (scene.lines["door"].to_left, scene.lines["door"].to_right) == ("out", "in")
    assert not load(tmp_path, "cameras: {gym: sim://gym}\n").camera("gym").scene


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[0.1, 0.5], ", "", ":6: cameras.shop.zones.till.corners: 2 corners, expected at least 3"),
        ("[0.4, 1]]", "[0.4, 1.5]]", ":6: cameras.shop.zones.till.corners[2][1]: found 1.5, allowed: at least 0 and"),
        ("[0.4, 1]]", "[0.1, 0.9], [0.4, 0.1]]", ":6: cameras.shop.zones.till.corners: the edge from (0.1, 0.5) to"),
        ("[10, 60]", "[10, 6]", ":7: cameras.shop.zones.till.dwell_s: the seconds of dwell_s must grow"),
        ("[10, 60]", "[0]", ":7: cameras.shop.zones.till.dwell_s[0]: found 0, allowed: more than 0"),
        (
            "dwell_s",
            "dwel_s",
            ":7: cameras.shop.zones.till.dwel_s: unknown key; allowed: corners, dwell_s; did you mean",
        ),
        (
            "    lines:",
            "      till: {}\n    lines:",
            ":8: cameras.shop.zones.till: stands here again; the first is in line 5",
        ),
        ("door:", "till:", "cameras.shop.zones.till: lines: the name 'till' is that of a zone too"),
        ("door:", "front door:", ":9: cameras.shop.lines.front door: found the name 'front door', allowed: at most 32"),
        ("[0.2, 0.9], ", "", ":10: cameras.shop.lines.door.ends: 1 points in ends, expected 2"),
        ("to_left: out", "to_left: in", ":11: cameras.shop.lines.door.to_right: found 'in', the name of the other"),
    ],
)
def test_a_mistake_in_a_zone_or_line_is_told_with_its_line_and_key(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert SHOP.count(old) == 1

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, SHOP.replace(old, new))

    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_camera_has_at_most_32_zones(tmp_path: Path) -> None:
    zones = "".join(f"      z{i}: {{corners: [[0, 0], [1, 0], [1, 1]]}}\n" for i in range(33))

    with pytest.raises(ConfigError, match="zones: 33 of them, expected at most 32"):
        load(tmp_path, f"cameras:\n  shop:\n    source: sim://street\n    zones:\n{zones}")
