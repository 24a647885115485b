from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.codec.states import AvroStateCodec
from pipeline.core.errors import ConfigError, InvalidRecord
from pipeline.core.records import Record, Stamp, Tick
from pipeline.core.stage import KeyedStage
from pipeline.core.types import U8
from pipeline.core.values import Captured, Frame
from stages.ingest import IngestOptions, IngestStage, IngestState
from tests.fakes import BOOK

WIDTH, HEIGHT = 640, 360


def scene(x: float | None = None, *, light: int = 0, noise: float = 0.0, seed: int = 0) -> U8:
    """A textured wall, and in front of it a person-sized block whose left edge is at x."""
    wall = np.random.default_rng(5).integers(60, 180, (HEIGHT // 20, WIDTH // 20, 3)).astype(np.uint8)
    pixels = cv2.resize(wall, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR).astype(np.float64)
    if x is not None:
        pixels[120:320, round(x) : round(x) + 60] = (20, 230, 20)
    pixels += light
    if noise:
        pixels += np.random.default_rng(seed).normal(0, noise, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def record(pixels: U8, at_s: float, n: int = 0) -> Record[Captured]:
    at_us = 1_700_000_000_000_000 + round(at_s * 1e6)
    return Record(Stamp(0, "gym", 1, 1, n, n, at_us, at_us, "file"), Captured(pixels))


def run(stage: IngestStage, pictures: list[U8], fps: float = 10.0) -> tuple[IngestState, list[Frame]]:
    state = stage.initial_state("gym")
    frames: list[Frame] = []
    for k, pixels in enumerate(pictures):
        state, outputs = stage.step(state, record(pixels, k / fps, k))
        frames.extend(outputs)
    return state, frames


def test_stage_is_a_keyed_stage() -> None:
    assert isinstance(IngestStage(), KeyedStage)


def test_every_picture_gives_one_frame_with_its_own_pixels() -> None:
    pictures = [scene(), scene(100.0)]

    _, frames = run(IngestStage(), pictures)

    assert len(frames) == 2
    assert all(f.image.data is p for f, p in zip(frames, pictures, strict=True))
    assert (frames[0].image.width, frames[0].image.height, frames[0].image.encoding) == (WIDTH, HEIGHT, "bgr24")


def test_first_picture_has_no_motion() -> None:
    _, frames = run(IngestStage(), [scene(100.0)])

    assert frames[0].motion.shape == (0, 4)


@pytest.mark.parametrize("fps", [5.0, 25.0, 60.0])
def test_person_who_enters_is_boxed(fps: float) -> None:
    _, frames = run(IngestStage(), [scene()] * 3 + [scene(200.0)] * max(1, round(0.12 * fps)), fps)

    boxes = np.concatenate([frame.motion for frame in frames[3:]])
    assert len(boxes) == 1
    assert np.abs(boxes[0] - (200, 120, 260, 320)).max() <= 8  # two cells


def test_ten_pictures_a_second_are_looked_at_and_the_others_keep_the_background() -> None:
    moving = [scene(20.0 * (k % 2)) for k in range(31)]

    state, frames = run(IngestStage(), moving, fps=30)
    slow, at_ten = run(IngestStage(), moving[::3], fps=10)

    assert [k for k, frame in enumerate(frames) if len(frame.motion)] == list(range(3, 31, 3))
    assert all(np.array_equal(a.motion, b.motion) for a, b in zip(frames[::3], at_ten, strict=True))
    assert np.array_equal(state.grey, slow.grey)


def test_two_people_have_two_boxes_and_touching_ones_have_one() -> None:
    apart, close = (np.maximum(scene(100.0), scene(x)) for x in (400.0, 150.0))

    boxes = [run(IngestStage(), [scene(), pixels])[1][1].motion for pixels in (apart, close)]

    assert [len(each) for each in boxes] == [2, 1]


def test_still_noisy_scene_has_no_motion() -> None:
    pictures = [scene(noise=12.0, seed=k) for k in range(20)]

    _, frames = run(IngestStage(), pictures)

    assert sum(len(frame.motion) for frame in frames) == 0


def test_light_that_changes_is_no_motion_and_hides_none() -> None:
    pictures = [scene(light=2 * k) for k in range(10)] + [scene(300.0, light=30)]

    _, frames = run(IngestStage(), pictures)

    assert all(len(frame.motion) == 0 for frame in frames[:-1])
    assert len(frames[-1].motion) == 1


def test_new_scene_is_one_box_and_the_new_background() -> None:
    other = np.where(scene() > 120, 20, 240).astype(np.uint8)

    _, frames = run(IngestStage(), [scene(), other, other])

    assert frames[1].motion.tolist() == [[0, 0, WIDTH, HEIGHT]]
    assert len(frames[2].motion) == 0


@pytest.mark.parametrize("fps", [5.0, 25.0])
def test_who_stands_still_fades_into_the_background_in_seconds_not_frames(fps: float) -> None:
    pictures = [scene(), *[scene(200.0)] * round(8 * fps)]

    _, frames = run(IngestStage(), pictures, fps)

    assert sum(len(frame.motion) for frame in frames[round(0.3 * fps) : round(0.6 * fps)]) >= 1
    assert sum(len(frame.motion) for frame in frames[round(3 * fps) :]) == 0


def test_other_size_begins_anew() -> None:
    state, frames = run(IngestStage(), [scene(), scene(100.0)[:200], scene(100.0)[:200]])

    assert [len(frame.motion) for frame in frames] == [0, 0, 0]
    assert state.grey.shape[0] < state.grey.shape[1]


def test_time_that_stands_still_does_no_harm() -> None:
    stage = IngestStage()
    state, _ = stage.step(stage.initial_state("gym"), record(scene(), 1.0))

    _, frames = stage.step(state, record(scene(200.0), 0.5))

    assert len(frames[0].motion) == 1


def test_tick_gives_nothing_and_keeps_the_state() -> None:
    stage = IngestStage()
    state, _ = run(stage, [scene()])

    after, outputs = stage.tick(state, Record(record(scene(), 3.0).stamp, Tick("live")))

    assert after is state
    assert outputs == ()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        np.zeros((0, 10, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused_and_the_state_kept(pixels: U8) -> None:
    stage = IngestStage()
    state, _ = run(stage, [scene()])
    before = state.grey.copy()

    with pytest.raises(InvalidRecord, match="expected uint8"):
        stage.step(state, record(pixels, 1.0))

    assert np.array_equal(state.grey, before)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 700), (4000, 9), (1088, 1920)])
def test_any_size_is_taken(width: int, height: int) -> None:
    pictures = [np.zeros((height, width, 3), np.uint8), np.full((height, width, 3), 200, np.uint8)]

    state, frames = run(IngestStage(), pictures)

    assert len(frames) == 2
    assert state.grey.nbytes <= 16_000


def test_state_goes_through_its_schema_and_stays_small() -> None:
    codec = AvroStateCodec(BOOK, "ingest", IngestState)
    stage = IngestStage()
    pictures = [scene(40.0 * k, noise=3.0, seed=k) for k in range(6)]
    state = stage.initial_state("gym")
    frames: list[Frame] = []
    for k, pixels in enumerate(pictures):
        state = codec.decode(codec.encode(state))
        state, outputs = stage.step(state, record(pixels, k / 10, k))
        frames.extend(outputs)

    plain_state, plain = run(IngestStage(), pictures, fps=10)
    assert all(np.array_equal(a.motion, b.motion) for a, b in zip(frames, plain, strict=True))
    assert codec.encode(state) == codec.encode(plain_state)
    assert len(codec.encode(state)) <= 16_100


@pytest.mark.parametrize("wrong", [{"adapt_s": 0.0}, {"min_change": -1.0}, {"max_boxes": 0}, {"adapt_s": float("nan")}])
def test_options_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"ingest.{next(iter(wrong))}"):
        IngestOptions(**wrong)  # type: ignore[arg-type]
