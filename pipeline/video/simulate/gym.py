"""The scene gym: people walk to their mats, find their stance and exercise in sets."""

from __future__ import annotations

import numpy as np

from pipeline.core.types import U8
from pipeline.video.simulate import keys
from pipeline.video.simulate.camera import Camera
from pipeline.video.simulate.choreography import Choreographer, Place
from pipeline.video.simulate.exercises import EXERCISES, Exercise, Span
from pipeline.video.simulate.parameters import EXERCISES as NAMES
from pipeline.video.simulate.room import Room, Scenery, tinted
from pipeline.video.simulate.scene import SceneSpec
from pipeline.video.simulate.script import Script
from pipeline.video.simulate.staging import Actor, Staging, aimed, cast, wall_height_m

_TO_CAMERA = -np.pi / 2
_ROW = 4
_SPACING_M = 1.25
_WIDE_ROW = 3
_WIDE_SPACING_M = 2.25
_ON_FLOOR = ("push-up", "sit-up", "mixed")
HALF_DEPTHS: Span = (0.35, 0.5)
_MATS = ((128, 92, 70), (86, 108, 70), (92, 80, 118), (110, 110, 84))


def stage_gym(spec: SceneSpec) -> Staging:
    """Camera, room and people of the gym that `spec` asks for."""
    random = spec.random("gym")
    wide = spec.exercise in _ON_FLOOR
    stations = _stations(spec.people, random, wide=wide)
    camera = _camera(spec, stations, random, wide=wide)
    offset = int(random.integers(1000))
    actors = tuple(_actor(spec, number, station, offset) for number, station in enumerate(stations))
    return Staging(
        camera, lambda: Scenery(_background(camera, stations, random, wall_height_m(spec, wide=wide))), actors
    )


def _stations(people: int, random: np.random.Generator, *, wide: bool) -> list[Place]:
    """Where the mats lie: rows of at most four (three of those who lie), each farther away than the one before."""
    near = 3.6
    most, spacing = (_WIDE_ROW, _WIDE_SPACING_M) if wide else (_ROW, _SPACING_M)
    places: list[Place] = []
    for row in range(0, people, most):
        count = min(most, people - row)
        shift = 0.5 * spacing if row and count < most else 0.0
        places.extend(
            (
                (i - (count - 1) / 2) * spacing + shift + float(random.uniform(-0.06, 0.06)),
                near + row / most * 1.7 + float(random.uniform(-0.12, 0.25)),
            )
            for i in range(count)
        )
    return places


def _camera(spec: SceneSpec, stations: list[Place], random: np.random.Generator, *, wide: bool) -> Camera:
    """Before the mats at chest to head height, so that all people fit into the picture."""
    above = float(random.uniform(1.35, 1.75))
    widest = max(abs(x) / y for x, y in stations)
    nearest = min(y for _, y in stations)
    across = (spec.width / 2) / (widest + (1.05 if wide else 0.62) / nearest)
    upright = 0.80 * spec.height * nearest / 2.0
    # The middle of a standing person of the first row stands a little above the middle of the picture.
    return aimed(spec, min(across, upright), above, lambda height: float(np.arctan2(height - 0.93, nearest)))


def _actor(spec: SceneSpec, number: int, station: Place, offset: int) -> Actor:
    random = spec.random("person", number)
    person = cast(spec, random, dress="sport", number=number, offset=offset)
    behind = (station[0] + float(random.uniform(-0.5, 0.5)), station[1] + float(random.uniform(1.0, 1.5)))
    choreographer = Choreographer(person.body, random, behind, _TO_CAMERA + float(random.uniform(-0.6, 0.6)))
    name = spec.exercise
    if name == "mixed":
        name = NAMES[(number + offset) % len(NAMES)]
    if name == "squat":
        return person.with_script(_squats(choreographer, station, random, spec))
    return person.with_script(_train(choreographer, station, random, spec, EXERCISES[name]))


def _facing(view: str, random: np.random.Generator, *, floor: bool) -> float:
    """Where one faces: `own` = about the camera, and across the picture for exercises on the floor."""
    wide = float(random.uniform(-0.6, 0.6))
    turn = 1.0 if random.random() < 0.5 else -1.0
    if view == "side" or (view == "own" and floor):
        return _TO_CAMERA + turn * np.pi / 2 + wide / 2
    if view == "oblique":
        return _TO_CAMERA + turn * (0.75 + wide / 3)
    return _TO_CAMERA + (wide / 4 if view == "front" else wide)


def _train(
    person: Choreographer, station: Place, random: np.random.Generator, spec: SceneSpec, exercise: Exercise
) -> Script:
    """Walk to the mat, get into position, then sets with rests between, until the clip is over."""
    facing = _facing(spec.view, random, floor=exercise.down != "stand")
    back = exercise.centre * person.height_m
    place = (station[0] - back * float(np.cos(facing)), station[1] - back * float(np.sin(facing)))
    person.hold(float(random.uniform(0.3, 1.5)), "stand")
    person.walk_to(place, float(random.uniform(0.95, 1.25)))
    person.turn_to(facing)
    pace = [float(random.uniform(*span)) for span in (exercise.out_s, exercise.hold_s, exercise.back_s)]
    depth = float(random.uniform(0.92, 1.03))
    while person.now_s < spec.seconds:
        _get_down(person, exercise)
        begin = person.at(exercise.path(0.0, 1.0, person.lengths))
        person.move("ready", (1.0, begin))
        if random.random() < 0.7:  # a try of the position, which is no repetition
            person.perform(exercise, (0.5, 0.0, 0.5), 0.15, side="left", counted=False)
        person.hold(float(random.uniform(0.4, 1.0)), "ready")
        count = int(random.integers(exercise.count[0], exercise.count[1] + 1))
        for turn, whole in enumerate(order(count, spec.half, random)):
            tempo = float(random.uniform(0.92, 1.10))
            times = (pace[0] * tempo, pace[1] * float(random.uniform(0.0, 1.0)), pace[2] * tempo)
            far = depth * float(random.uniform(0.96, 1.02)) if whole else float(random.uniform(*HALF_DEPTHS))
            side = "right" if exercise.alternate and turn % 2 else "left"
            person.perform(exercise, times, far, side=side, counted=True)
            person.hold(float(random.uniform(*exercise.rest_s)), "ready")
        _get_up(person, exercise)
        person.step_into(keys.STAND, 0.9, "stand")
        person.take(keys.HANDS_ON_HIPS if random.random() < 0.6 else keys.WIPE_BROW, 0.9, "rest")
        person.hold(float(random.uniform(2.0, 4.0)), "rest")
        person.take(keys.STAND, 0.9, "stand")
    return person.script()


def _get_down(person: Choreographer, exercise: Exercise) -> None:
    if exercise.down == "knees":
        person.kneel_down(3.0)
    elif exercise.down == "back":
        person.lie_down(3.6)


def _get_up(person: Choreographer, exercise: Exercise) -> None:
    if exercise.down == "knees":
        person.take(keys.HANDS_AND_KNEES, 0.8, "get_up")
        person.rise_from_knees(3.0)
    elif exercise.down == "back":
        person.rise_from_back(3.6)


def order(whole: int, half: int, random: np.random.Generator) -> list[bool]:
    """Which of the repetitions of a set are whole ones: the halves lie anywhere among them."""
    places = set(random.permutation(whole + half)[:half].tolist()) if half else set()
    return [i not in places for i in range(whole + half)]


def _squats(person: Choreographer, station: Place, random: np.random.Generator, spec: SceneSpec) -> Script:
    """Get ready, then sets of squats with rests between, until the clip is over."""
    person.hold(float(random.uniform(0.3, 1.5)), "stand")
    person.walk_to(station, float(random.uniform(0.95, 1.25)))
    facing = _TO_CAMERA + float(random.uniform(-0.6, 0.6))
    person.turn_to(facing if spec.view == "own" else _facing(spec.view, random, floor=False))
    if random.random() < 0.6:
        person.take(keys.STRETCH, 1.1, "stretch")
        person.hold(0.6, "stretch")
        person.take(keys.STAND, 1.1, "stand")
    # Times down and up: 2 to 4 s a repetition in all, as without load at one's own pace.
    down = float(random.uniform(1.0, 1.7))
    up = float(random.uniform(0.9, 1.4))
    depth = float(random.uniform(0.88, 1.04))
    lean = float(random.uniform(38, 50))
    clasped = bool(random.random() < 0.4)
    while person.now_s < spec.seconds:
        person.step_into(keys.SQUAT_STAND, 0.9, "stand")
        if random.random() < 0.7:  # finding the stance: bends the knees a little, which is no squat
            person.squat(0.5, 0.0, 0.5, keys.squat_bottom(0.18, lean, clasped=False), depth=0.18, counted=False)
        person.hold(float(random.uniform(0.4, 1.0)), "stand")
        for whole in order(int(random.integers(5, 9)), spec.half, random):
            tempo = float(random.uniform(0.92, 1.10))
            far = depth * float(random.uniform(0.95, 1.03)) if whole else float(random.uniform(*HALF_DEPTHS))
            bottom = keys.squat_bottom(far, lean, clasped=clasped)
            person.squat(down * tempo, float(random.uniform(0.0, 0.25)), up * tempo, bottom, depth=far, counted=True)
            person.hold(float(random.uniform(0.15, 0.6)), "stand")
        person.step_into(keys.STAND, 0.9, "stand")
        rest = keys.HANDS_ON_HIPS if random.random() < 0.6 else keys.WIPE_BROW
        person.take(rest, 0.9, "rest")
        person.hold(float(random.uniform(2.0, 4.0)), "rest")
        person.take(keys.STAND, 0.9, "stand")
    return person.script()


def _background(camera: Camera, stations: list[Place], random: np.random.Generator, high_m: float) -> U8:
    back = max(y for _, y in stations) + 2.3
    half = max(3.4, back * camera.width / 2 / camera.focal_px * 0.97)
    wood = tinted((128, 164, 196), float(random.uniform(0.9, 1.04)))
    wall = ((206, 212, 214), (196, 206, 198), (212, 206, 200))[int(random.integers(3))]
    room = Room(camera, back, half, wood, wall, high_m)
    room.planks(0.22, wood, random)
    band = ((150, 120, 84), (92, 120, 168), (120, 140, 96))[int(random.integers(3))]
    room.on_wall((-half, half), (0.0, 0.95), tinted(band, 1.15))
    room.skirting(0.10, (92, 92, 96))
    for i in range(-3, 4):  # windows high up, with a bright sky
        x = i * 1.9 + 0.3
        room.on_wall((x - 0.72, x + 0.72), (1.75, 2.85), (176, 176, 178))
        for pane in (-0.66, 0.03):
            room.on_wall((x + pane, x + pane + 0.63), (1.81, 2.79), (246, 238, 226))
    _wall_bars(room, -half * 0.62)
    _rack(room, half * 0.52, back)
    for number, (x, y) in enumerate(stations):
        mat = _MATS[(number + int(stations[0][1] * 1000)) % len(_MATS)]
        room.shade((x - 0.44, x + 0.46), (y - 0.52, y + 0.60), 0.25)
        room.on_floor((x - 0.42, x + 0.42), (y - 0.50, y + 0.58), tinted(mat, 0.85))
        room.on_floor((x - 0.40, x + 0.40), (y - 0.47, y + 0.56), mat)
    room.shade((-half, half), (back - 0.25, back), 0.30)
    return room.finish(random)


def _wall_bars(room: Room, x: float) -> None:
    wood = (110, 156, 200)
    for i in range(12):
        z = 0.2 + i * 0.19
        room.on_wall((x - 0.5, x + 0.5), (z, z + 0.045), wood)
    for out in (-0.52, 0.48):
        room.on_wall((x + out, x + out + 0.06), (0.05, 2.5), tinted(wood, 0.82))


def _rack(room: Room, x: float, back: float) -> None:
    room.shade((x - 0.75, x + 0.75), (back - 0.65, back), 0.5)
    for shelf in (0.25, 0.62):
        room.box((x - 0.7, x + 0.7), (back - 0.45, back - 0.1), (shelf, shelf + 0.04), (70, 68, 66))
        for i in range(5):
            left = x - 0.62 + i * 0.26
            room.box((left, left + 0.15), (back - 0.44, back - 0.2), (shelf + 0.04, shelf + 0.15), (52, 50, 52))
    for side in (-0.72, 0.68):
        room.box((x + side, x + side + 0.04), (back - 0.45, back - 0.1), (0.0, 0.85), (88, 84, 80))
