from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.types import F64
from stages.track import kalman
from stages.track.association import matched
from stages.track.kalman import Noise

NOISE = Noise(measure=0.05, drift=0.27, acceleration=1.03, start_speed=1.9)
STEPS = st.lists(st.tuples(st.floats(0, 5), st.booleans()), min_size=1, max_size=30)


def positive(covariance: F64) -> bool:
    position, cross, velocity = covariance.T
    return bool((position > 0).all() and (velocity > 0).all() and (position * velocity - cross**2 > 0).all())


@given(STEPS, st.integers(0, 1000))
@settings(max_examples=60)
def test_covariance_stays_positive(story: list[tuple[float, bool]], seed: int) -> None:
    chance = np.random.default_rng(seed)
    mean, covariance = kalman.start(chance.uniform(50, 400, (3, 4)), NOISE)
    for dt_s, seen in story:
        mean, covariance = kalman.predict(mean, covariance, dt_s, NOISE)
        assert positive(covariance)
        if seen:
            mean, covariance = kalman.update(mean, covariance, chance.uniform(50, 400, (3, 4)), NOISE)
            assert positive(covariance)
    assert np.isfinite(mean).all()


@given(st.floats(0.001, 2), st.floats(0.001, 2))
@settings(max_examples=60)
def test_two_short_steps_are_one_long_step(first: float, second: float) -> None:
    mean, covariance = kalman.start(np.array([[100.0, 200, 80, 300]]), NOISE)
    mean[:, 4:6] = 50.0

    short = kalman.predict(*kalman.predict(mean, covariance, first, NOISE), second, NOISE)
    long = kalman.predict(mean, covariance, first + second, NOISE)

    np.testing.assert_allclose(short[0], long[0], rtol=1e-9)
    np.testing.assert_allclose(short[1], long[1], rtol=1e-9)


def test_is_the_textbook_filter_of_eight_states() -> None:
    """Against full 8 x 8 matrices: F P F' + Q, K = P H' (H P H' + R)^-1."""
    chance = np.random.default_rng(3)
    boxes = chance.uniform(50, 400, (1, 4))
    mean, covariance = kalman.start(boxes, NOISE)
    m, P = mean[0].copy(), expanded(covariance[0])
    for dt in (0.04, 0.2, 1.0):
        size2 = max(m[2], m[3]) ** 2
        F = np.eye(8) + np.diag([dt] * 4, 4)
        a2, d2 = NOISE.acceleration**2, NOISE.drift**2
        q = [size2 * (d2 * dt + a2 * dt**3 / 3), size2 * a2 * dt**2 / 2, size2 * a2 * dt]
        m, P = F @ m, F @ P @ F.T + expanded(np.array(q))
        mean, covariance = kalman.predict(mean, covariance, dt, NOISE)
        np.testing.assert_allclose(mean[0], m, rtol=1e-9)
        np.testing.assert_allclose(expanded(covariance[0]), P, rtol=1e-9)

        z = boxes[0] * chance.uniform(0.95, 1.05, 4)
        H = np.eye(4, 8)
        R = np.eye(4) * (NOISE.measure * max(z[2], z[3])) ** 2
        K = P @ H.T @ np.linalg.inv(H @ P @ H.T + R)
        m, P = m + K @ (z - H @ m), P - K @ H @ P
        mean, covariance = kalman.update(mean, covariance, z[None], NOISE)
        np.testing.assert_allclose(mean[0], m, rtol=1e-9)
        np.testing.assert_allclose(expanded(covariance[0]), P, rtol=1e-8, atol=1e-8)


def expanded(covariance: F64) -> F64:
    position, cross, velocity = covariance
    block = np.eye(4)
    return np.block([[block * position, block * cross], [block * cross, block * velocity]])


@pytest.mark.parametrize("fps", [5, 30, 60])
def test_velocity_of_a_steady_walker_is_learned_within_a_second(fps: int) -> None:
    boxes = np.array([[100.0, 200, 120, 400]])
    mean, covariance = kalman.start(boxes, NOISE)
    for _ in range(fps):
        boxes = boxes + np.array([330 / fps, 0, 0, 0])
        mean, covariance = kalman.predict(mean, covariance, 1 / fps, NOISE)
        mean, covariance = kalman.update(mean, covariance, boxes, NOISE)

    assert mean[0, 4] == pytest.approx(330, rel=0.1)


def test_a_bad_match_is_not_made_for_the_sake_of_more_matches() -> None:
    # Row 0 fits column 0 well; giving it away would let both rows match, badly.
    cost = np.array([[0.1, 0.79], [0.5, 0.9]])

    rows, columns = matched(cost, np.arange(2), np.arange(2), 0.8)

    assert (rows.tolist(), columns.tolist()) == ([0], [0])


def test_handicap_decides_who_gets_a_pose_that_both_want_but_forbids_nothing() -> None:
    cost = np.array([[0.2], [0.25]])

    rows, _ = matched(cost, np.arange(2), np.arange(1), 0.3, np.array([0.2, 0.0]))
    alone, _ = matched(cost, np.arange(1), np.arange(1), 0.3, np.array([0.2]))

    assert rows.tolist() == [1]
    assert alone.tolist() == [0]


def test_equal_costs_are_matched_in_order() -> None:
    rows, columns = matched(np.full((3, 3), 0.2), np.arange(3), np.arange(3), 0.8)

    assert rows.tolist() == columns.tolist() == [0, 1, 2]
