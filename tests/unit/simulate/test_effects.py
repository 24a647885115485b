from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.video.simulate import Simulation, parse_scene
from pipeline.video.simulate.camera import Camera

SMALL = "people=1&seed=3&width=160&height=120&fps=5&seconds=6"


def simulate(words: str, scene: str = "gym") -> Simulation:
    return Simulation(parse_scene(f"sim://{scene}?{SMALL}&{words}"))


@pytest.mark.parametrize("word", ["noise=6", "blur=1.5", "jpeg=30", "light=0.5", "shake=3", "k1=-0.2", "k1=0.2"])
def test_an_effect_changes_the_picture_the_same_way_every_time(word: str) -> None:
    plain, one, other = (simulate(words) for words in ("light=1", word, word))

    assert not np.array_equal(plain.picture(9), one.picture(9))
    assert np.array_equal(one.picture(9), other.picture(9))


def test_noise_is_as_strong_as_asked_and_differs_between_frames() -> None:
    plain, noisy = simulate("light=1"), simulate("noise=6")
    first, second = (noisy.picture(k).astype(int) - plain.picture(k) for k in (3, 4))

    assert np.std(first) == pytest.approx(6, rel=0.1)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05


def test_light_and_blur_do_what_they_say() -> None:
    plain = simulate("light=1").picture(9).astype(float)

    assert simulate("light=0.4").picture(9).mean() < 0.6 * plain.mean()
    assert (
        np.abs(np.diff(simulate("blur=3").picture(9).astype(float), axis=1)).mean()
        < 0.7 * np.abs(np.diff(plain, axis=1)).mean()
    )


def test_shake_moves_picture_and_keypoints_together() -> None:
    plain, shaken = simulate("light=1"), simulate("shake=4")
    for k in (5, 12, 20):
        moved = shaken.truth(k).keypoints - plain.truth(k).keypoints
        assert np.allclose(moved, moved[0, 0], atol=1e-3)
        dx, dy = np.rint(moved[0, 0]).astype(int)
        inner = plain.picture(k)[30:90, 40:120].astype(int)
        there = shaken.picture(k)[30 + dy : 90 + dy, 40 + dx : 120 + dx].astype(int)
        assert np.abs(inner - there).mean() < 6


@settings(max_examples=40)
@given(k1=st.floats(-0.25, 0.25), x=st.floats(0, 640), y=st.floats(0, 480), focal=st.floats(420, 900))
def test_straightening_is_the_inverse_of_the_lens(k1: float, x: float, y: float, focal: float) -> None:
    camera = Camera(640, 480, focal, 1.0, 0.0, k1)
    straight = camera.straightened(np.array([x, y]))
    aside, down = (straight - (320, 240)) / focal
    pixels, _ = camera.project(np.array([aside * 5, 5.0, 1.0 - down * 5]))

    assert np.allclose(pixels, (x, y), atol=0.5)


def test_keypoints_lie_on_people_through_a_bent_lens() -> None:
    clip, on = simulate("k1=-0.25"), []
    for k in (3, 12, 24):
        truth = clip.truth(k)
        changed = np.abs(clip.picture(k).astype(int) - clip.background).max(axis=2) > 4
        keypoints, visible = truth.keypoints[0], truth.visible[0]
        if visible.sum() > 10:
            columns, rows = np.floor(keypoints[visible]).astype(int).T
            on.append(changed[rows, columns].mean())
    assert len(on) >= 2
    assert min(on) > 0.9


def test_camera_height_tilt_bodies_and_clothes_are_as_asked() -> None:
    clip = simulate("camera_m=2.5&tilt_deg=20&body=tall&dress=patient")

    assert (clip.camera.above_floor_m, round(np.rad2deg(clip.camera.tilt_rad))) == (2.5, 20)
    assert clip.actors[0].body.height_m == pytest.approx(1.95)
    assert clip.actors[0].looks.sleeve == 0.8
    assert np.array_equal(clip.truth(9).keypoints, simulate("camera_m=2.5&tilt_deg=20&body=tall").truth(9).keypoints)
