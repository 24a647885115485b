from __future__ import annotations

import pytest

from pipeline.core.errors import SourceError
from pipeline.video.simulate import SCENES, parse_scene


def test_what_is_not_said_has_its_default() -> None:
    spec = parse_scene("sim://gym?people=3&seed=7")

    assert (spec.scene, spec.people, spec.seed) == ("gym", 3, 7)
    assert (spec.seconds, spec.fps, spec.width, spec.height) == (40.0, 15.0, 640, 480)
    assert spec.frames == 600


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_needs_no_parameters(scene: str) -> None:
    assert parse_scene(f"sim://{scene}").scene == scene


def test_the_address_of_a_spec_says_everything_and_reads_as_the_same_spec() -> None:
    spec = parse_scene("sim://ward?fps=29.97&seed=3")

    assert spec.url == "sim://ward?fps=29.97&height=480&people=1&seconds=40&seed=3&width=640"
    assert parse_scene(spec.url) == spec


def test_the_address_says_what_differs_from_the_default() -> None:
    spec = parse_scene("sim://gym?exercise=push-up&half=2&camera_m=1.5&light=1&seconds=5")

    assert spec.url == (
        "sim://gym?camera_m=1.5&exercise=push-up&fps=15&half=2&height=480&people=2&seconds=5&seed=0&width=640"
    )
    assert parse_scene(spec.url) == spec


@pytest.mark.parametrize("scene", SCENES)
def test_every_parameter_reads_its_own_default(scene: str) -> None:
    for word, parameter in SCENES[scene].parameters.items():
        if parameter.default is not None:
            assert parse_scene(f"sim://{scene}?{word}={parameter.default}") == parse_scene(f"sim://{scene}")


@pytest.mark.parametrize(
    ("url", "found", "hint"),
    [
        ("sim://gim", "no scene 'gim'; scenes are gym, ward", "did you mean gym?"),
        ("sim://", "no scene ''", "sim://gym?people=2"),
        ("sim://gym?poeple=2", "no parameter 'poeple'; it has people, seed", "did you mean people?"),
        ("sim://gym?people=0", "people is 0, expected a whole number from 1 to 8", "the default is 2"),
        ("sim://gym?people=two", "people is 'two', expected a whole number", "the default is 2"),
        ("sim://gym?people=2.5", "people is '2.5', expected a whole number", "the default is 2"),
        ("sim://gym?fps=nan", "fps is nan, expected a number from 1 to 120", "the default is 15"),
        ("sim://gym?seed=1&seed=2", "seed is said twice", "say it once"),
        ("sim://gym?seed", "'seed' does not read as parameters", "name=value"),
        ("sim://gym?exercise=sqat", "exercise is 'sqat', expected one of squat, curl", "did you mean squat?"),
        ("sim://gym?exercise=yoga", "exercise is 'yoga', expected one of", "the default is squat"),
        ("sim://gym?act=bend", "the scene gym has no parameter 'act'", "None"),
        ("sim://ward?act=fall", "act is 'fall', expected one of patient, walk", "did you mean"),
        ("sim://street?people=21", "people is 21, expected a whole number from 1 to 20", "the default is 4"),
        ("sim://street?camera_m=0", "camera_m is 0, expected a number from 0.4 to 8", "chosen by the seed"),
        ("sim://streat", "scenes are gym, ward, street", "did you mean street?"),
        ("sim://gym/people=2", "'/people=2' after the scene", "sim://gym?people=1"),
        ("rtsp://gym", "not a simulated camera", "sim://gym"),
    ],
)
def test_a_wrong_address_says_what_was_found_and_what_is_allowed(url: str, found: str, hint: str) -> None:
    with pytest.raises(SourceError) as raised:
        parse_scene(url)

    assert found in raised.value.message
    assert hint in str(raised.value.hint)
