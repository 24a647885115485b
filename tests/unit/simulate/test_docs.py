from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.video.simulate import SCENES, parse_scene
from pipeline.video.simulate.measured import UPRIGHT
from pipeline.video.simulate.parameters import Choice

PAGE = (Path(__file__).parents[3] / "docs" / "simulation.md").read_text()


@pytest.mark.parametrize("scene", SCENES)
def test_the_page_names_every_scene_parameter_and_choice(scene: str) -> None:
    assert f"**{scene}**" in PAGE
    for word, parameter in SCENES[scene].parameters.items():
        assert f"`{word}`" in PAGE
        for value in parameter.values if isinstance(parameter, Choice) else ():
            assert f"`{value}`" in PAGE


def test_addresses_on_the_page_read() -> None:
    found = re.findall(r"sim://[a-z]+\?[\w=&-]+", PAGE)

    assert len(found) >= 5
    for url in found:
        parse_scene(url)


def test_the_table_of_noise_is_what_the_scripts_use() -> None:
    for name, spread in UPRIGHT.items():
        assert f"| {name} | {spread.steady:.4f} | {spread.slow:.4f} | {spread.white:.4f} |" in PAGE
