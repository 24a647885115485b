from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.types import F32
from stages.track.association import covered
from stages.track.looks import COLOURS, LOOKS, WITHIN, Looks, log_ratio, log_ratio_at_best, looks_of, unlikeness
from tests.builders import walk

RED, BLUE = (50.0, 60.0, 40.0), (40.0, 10.0, -50.0)


def dressed(*colours: tuple[float, float, float], spread: float = 2.0) -> F32:
    """(N, 18) looks of people in one colour, upper body and legs; limbs unknown."""
    looks = np.full((len(colours), LOOKS), np.nan, np.float32)
    for row, colour in enumerate(colours):
        looks[row, :COLOURS] = [*colour, *[spread] * 3] * 2
    return looks


def test_same_clothes_speak_for_one_person_and_others_against() -> None:
    ratio = log_ratio(Looks.once(dressed(RED, BLUE)), Looks.once(dressed(RED, BLUE)))

    assert (ratio.diagonal() > 4).all()
    assert ratio[0, 1] < -4
    assert ratio[1, 0] < -4


def test_what_is_unknown_of_one_of_them_says_nothing() -> None:
    legs_hidden = dressed(RED)
    legs_hidden[:, 6:] = np.nan
    nothing = np.full((1, LOOKS), np.nan, np.float32)

    known = Looks.once(dressed(RED))

    assert log_ratio(Looks.once(nothing), known) == 0
    assert 0 < log_ratio(Looks.once(legs_hidden), known) < log_ratio(known, known)


def test_one_wrong_number_does_not_rule_a_person_out() -> None:
    odd = dressed(RED)
    odd[0, 9] = 200

    assert log_ratio(Looks.once(odd), Looks.once(dressed(RED))) > -4


@given(st.integers(0, 1000))
def test_nobody_is_likelier_than_at_best(seed: int) -> None:
    chance = np.random.default_rng(seed)
    looks = Looks.once(chance.normal(0, 30, (4, LOOKS)).astype(np.float32))

    best = log_ratio_at_best(looks, np.ones((4, LOOKS), np.bool_))

    assert (log_ratio(looks, looks) <= best + 1e-4).all()
    np.testing.assert_allclose(log_ratio(looks, looks).diagonal(), best.diagonal(), rtol=1e-5)


def test_learned_mean_and_variance_are_those_of_the_sights() -> None:
    sights = np.random.default_rng(1).normal(20, 5, (12, 1, LOOKS)).astype(np.float32)
    looks = Looks.nothing(1)
    for sight in sights:
        looks.learn(np.array([0]), sight)

    np.testing.assert_allclose(looks.mean, sights.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(looks.spread, sights.var(axis=0), rtol=1e-3)
    assert (looks.count == 12).all()


def test_a_person_whose_looks_vary_may_differ_more() -> None:
    vivid = Looks.once(dressed(RED))
    vivid.spread[:, :COLOURS] = 20 * WITHIN[:COLOURS]
    between = dressed((45.0, 40.0, 10.0))

    assert log_ratio(Looks.once(between), vivid) > log_ratio(Looks.once(between), Looks.once(dressed(RED)))


def test_unlikeness_is_only_of_those_who_look_different() -> None:
    against = unlikeness(Looks.once(dressed(RED)), dressed(RED, BLUE))

    assert against[0, 0] == 0
    assert against[0, 1] == pytest.approx(1, abs=0.1)


def test_limbs_are_measured_whatever_the_scale() -> None:
    poses = walk().records[0].value
    near, far = (looks_of(replace(poses, world=poses.world * np.float32(by)), np.array([0])) for by in (1.0, 0.5))

    np.testing.assert_allclose(near[0, COLOURS:], far[0, COLOURS:], atol=1e-5)
    assert np.isnan(near[0, :COLOURS]).all()
    # Thigh and shank over trunk, and shoulders over trunk, of the figure.
    np.testing.assert_allclose(np.exp(near[0, COLOURS]), 0.245 / np.hypot(0.288, 0.04), rtol=0.01)
    np.testing.assert_allclose(np.exp(near[0, COLOURS + 4]), 0.24 / np.hypot(0.288, 0.04), rtol=0.01)


def test_hidden_limbs_are_not_measured() -> None:
    poses = walk().records[0].value
    hidden = replace(poses, keypoint_score=np.zeros_like(poses.keypoint_score))

    assert np.isnan(looks_of(hidden, np.array([0]))).all()


def test_covered_is_the_largest_share_under_another_box() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 25, 10], [100, 0, 110, 10]], np.float32)

    np.testing.assert_allclose(covered(boxes), [0.5, 0.25, 0])
