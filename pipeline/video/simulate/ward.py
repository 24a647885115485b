"""The scene ward: a person walks in, sits on the bed, gets up, walks and falls, or does what is asked; others sit."""

from __future__ import annotations

import numpy as np

from pipeline.core.types import U8
from pipeline.video.simulate.camera import Camera
from pipeline.video.simulate.choreography import Choreographer, FallDirection, Place
from pipeline.video.simulate.near_floor import bend, kneel, lie_on_bed, slide_down, tie_shoes
from pipeline.video.simulate.parameters import FALLS, LOOK_ALIKES
from pipeline.video.simulate.room import Room, Scenery, tinted
from pipeline.video.simulate.scene import SceneSpec
from pipeline.video.simulate.script import Script
from pipeline.video.simulate.staging import Staging, aimed, cast, wall_height_m

_TO_CAMERA = -np.pi / 2
_BED_X = (0.30, 2.35)
_BED_Y = (4.02, 4.98)
_BED_TOP_M = 0.50
_CHAIRS: tuple[Place, ...] = ((-1.75, 4.75), (-0.95, 4.85))
_CHAIR_TOP_M = 0.45
_ON_FLOOR: Place = (-0.24, 3.5)
_AT_WALL: Place = (-0.24, 5.36)
_TOWARD: dict[FallDirection, float] = {"forward": 0.0, "backward": np.pi, "left": np.pi / 2, "right": -np.pi / 2}
_DIRECTIONS: tuple[FallDirection, ...] = ("right", "left", "forward", "backward")


def stage_ward(spec: SceneSpec) -> Staging:
    """Camera, room and people of the ward that `spec` asks for."""
    random = spec.random("ward")
    camera = _camera(spec, random)
    offset = int(random.integers(1000))
    actors = []
    for number in range(spec.people):
        own = spec.random("person", number)
        player = cast(spec, own, dress="patient" if number == 0 else "everyday", number=number, offset=offset)
        entry = (-(3.9 * camera.width / 2 / camera.focal_px + 0.45), 3.35 + 0.55 * number)
        person = Choreographer(player.body, own, entry, 0.0)
        if number:
            script = _visitor(person, own, number, spec.seconds)
        elif spec.act == "patient":
            script = _patient(person, own, spec.seconds)
        else:
            script = _acting(person, own, spec.act, spec.seconds)
        actors.append(player.with_script(script))
    return Staging(camera, lambda: Scenery(_background(camera, random, wall_height_m(spec))), tuple(actors))


def _camera(spec: SceneSpec, random: np.random.Generator) -> Camera:
    """High on the wall opposite the bed, looking down."""
    above = float(random.uniform(1.95, 2.35))
    # Wide enough for the bed, and for the floor before it.
    focal = min(spec.width / 2 / 0.62, spec.height / 2 / 0.44)
    return aimed(spec, focal, above, lambda height: float(np.arctan2(height - 0.72, 3.9)))


def _patient(person: Choreographer, random: np.random.Generator, until_s: float) -> Script:
    """Sits on the bed for a while, gets up, falls on the way, perhaps gets up again."""
    pace = float(random.uniform(0.75, 1.05))
    person.hold(float(random.uniform(0.3, 1.0)), "stand")
    while person.now_s < until_s:
        _rest_on_bed(person, random, pace)
        direction = _DIRECTIONS[int(random.integers(len(_DIRECTIONS)))]
        # Where there is room in the picture: to the right of the person lies the left of the picture.
        x = float(random.uniform(0.0, 0.35) if direction in ("right", "forward") else random.uniform(-0.9, -0.5))
        person.walk_to((x, float(random.uniform(3.25, 3.5))), pace)
        if direction in ("right", "left"):
            person.turn_to(_TO_CAMERA + float(random.uniform(-0.3, 0.3)))
        person.hold(float(random.uniform(0.3, 1.0)), "stand")
        # From the loss of balance to the impact of the hips: 0.715 s, deviation 0.160 s (Robinovitch et al., 2005).
        person.fall(direction, float(np.clip(random.normal(0.72, 0.1), 0.60, 0.95)))
        person.hold(float(random.uniform(8.0, 10.0)), "lie")
        if random.random() < 0.3:
            person.hold(max(until_s - person.now_s, 1.0), "lie")
        else:
            person.get_up(float(random.uniform(4.5, 6.0)))
            person.hold(1.0, "stand")
    return person.script()


def _rest_on_bed(person: Choreographer, random: np.random.Generator, pace: float) -> None:
    _before_bed(person, random, pace, (1.25, 1.6))
    person.sit_down(_BED_TOP_M, float(random.uniform(1.6, 2.2)))
    person.hold(float(random.uniform(1.5, 3.0)), "sit")
    person.stand_up(_BED_TOP_M, float(random.uniform(1.6, 2.2)))
    person.hold(0.5, "stand")


def _acting(person: Choreographer, random: np.random.Generator, act: str, until_s: float) -> Script:
    """Does one act again and again, or acts in random order, and walks between them."""
    choices = {"daily": LOOK_ALIKES, "random": LOOK_ALIKES + FALLS}.get(act, (act,))
    person.hold(float(random.uniform(0.3, 1.0)), "stand")
    while person.now_s < until_s:
        pace = float(random.uniform(0.75, 1.2))
        _act(person, random, choices[int(random.integers(len(choices)))], pace)
        person.hold(float(random.uniform(0.5, 2.0)), "stand")
    return person.script()


def _act(person: Choreographer, random: np.random.Generator, act: str, pace: float) -> None:
    if act.startswith("fall-"):
        _fall(person, random, act.removeprefix("fall-"), pace)  # type: ignore[arg-type]
    elif act == "slide":
        person.walk_to(_ON_FLOOR, pace)
        person.walk_to(_AT_WALL, pace)
        person.turn_to(_TO_CAMERA)
        slide_down(person, float(random.uniform(2.5, 5.0)), float(random.uniform(6.0, 10.0)))
        person.walk_to(_ON_FLOOR, pace)
    elif act == "sit":
        _rest_on_bed(person, random, pace)
    elif act == "lie":
        _before_bed(person, random, pace, (1.0, 1.2))
        lie_on_bed(person, _BED_TOP_M, float(random.uniform(5.0, 12.0)))
        person.hold(0.5, "stand")
    else:
        place = (float(random.uniform(-1.2, 0.9)), float(random.uniform(3.2, 3.7)))
        if np.hypot(place[0] - person.place[0], place[1] - person.place[1]) < 0.6:
            place = (place[0] + 1.1 if place[0] < 0 else place[0] - 1.1, place[1])
        person.walk_to(place, pace)
        if act == "walk":
            return
        person.turn_to(float(random.uniform(-np.pi, 0.0)) if random.random() < 0.6 else person.heading)
        if act == "bend":
            bend(person, float(random.uniform(1.4, 2.6)))
        elif act == "tie-shoes":
            tie_shoes(person, float(random.uniform(2.5, 6.0)))
        else:
            kneel(person, float(random.uniform(2.0, 6.0)))


def _fall(person: Choreographer, random: np.random.Generator, direction: FallDirection, pace: float) -> None:
    """Fall to one side of the room or toward the camera, whichever way one faces, lie, and get up."""
    toward = (0.0, np.pi, _TO_CAMERA)[int(random.integers(3))]
    x, y = float(random.uniform(-1.1, -0.5)), float(random.uniform(3.2, 3.5))
    if toward == np.pi:
        x += 1.3
    elif toward == _TO_CAMERA:
        x, y = x + 0.6, 3.85
    person.walk_to((x, y), pace)
    person.turn_to(toward + float(random.uniform(-0.25, 0.25)) - _TOWARD[direction])
    person.hold(float(random.uniform(0.2, 1.0)), "stand")
    # As above; the head of one who topples like a rod comes down at 7 m/s, no fall is faster.
    person.fall(direction, float(np.clip(random.normal(0.76, 0.15), 0.66, 1.2)))
    person.hold(float(random.uniform(7.0, 11.0)), "lie")
    person.get_up(float(random.uniform(4.5, 6.5)))


def _before_bed(person: Choreographer, random: np.random.Generator, pace: float, x: tuple[float, float]) -> None:
    person.walk_to((float(random.uniform(*x)), _BED_Y[0] - 0.14), pace)
    person.turn_to(_TO_CAMERA)
    person.hold(0.4, "stand")


def _visitor(person: Choreographer, random: np.random.Generator, number: int, until_s: float) -> Script:
    """Comes in, sits down on a chair, stands up now and then."""
    chair = _CHAIRS[number - 1]
    person.hold(float(random.uniform(2.0, 6.0)) + 3.0 * number, "stand")
    person.walk_to((chair[0], chair[1] - 0.36), float(random.uniform(1.0, 1.25)))
    person.turn_to(_TO_CAMERA)
    while person.now_s < until_s:
        person.sit_down(_CHAIR_TOP_M, float(random.uniform(1.3, 1.8)))
        person.hold(float(random.uniform(8.0, 15.0)), "sit")
        person.stand_up(_CHAIR_TOP_M, float(random.uniform(1.3, 1.8)))
        person.hold(float(random.uniform(3.0, 6.0)), "stand")
    return person.script()


def _background(camera: Camera, random: np.random.Generator, high_m: float) -> U8:
    back, half = 5.6, 3.3
    floor = tinted((196, 204, 200), float(random.uniform(0.9, 1.0)))
    wall = ((214, 220, 214), (222, 218, 208), (206, 218, 222))[int(random.integers(3))]
    room = Room(camera, back, half, floor, wall, high_m)
    room.tiles(0.6, floor)
    band = ((190, 178, 140), (176, 196, 158), (186, 168, 176))[int(random.integers(3))]
    room.on_wall((-half, half), (0.85, 1.02), band)
    room.skirting(0.12, (150, 154, 156))
    room.on_wall((-1.0, 0.15), (1.15, 2.6), (182, 184, 184))  # window
    room.on_wall((-0.94, -0.46), (1.21, 2.54), (248, 240, 226))
    room.on_wall((-0.40, 0.09), (1.21, 2.54), (246, 236, 220))
    room.on_wall((-2.85, -1.95), (0.0, 2.1), (138, 166, 188))  # door
    room.on_wall((-2.80, -2.0), (0.02, 2.05), (156, 186, 208))
    room.on_wall((-2.08, -2.03), (0.98, 1.06), (90, 90, 92))
    room.shade((-half, half), (back - 0.3, back), 0.28)
    for x, y in _CHAIRS:
        _chair(room, x, y)
    _bed(room)
    return room.finish(random)


def _bed(room: Room) -> None:
    x, y = _BED_X, _BED_Y
    frame = (172, 170, 166)
    room.shade((x[0] - 0.05, x[1] + 0.1), (y[0] - 0.12, y[1] + 0.1), 0.42)
    room.box((x[1], x[1] + 0.06), y, (0.1, 1.0), (116, 146, 172))  # headboard
    for leg in (x[0] + 0.05, x[1] - 0.1):
        room.box((leg, leg + 0.05), (y[1] - 0.1, y[1]), (0.0, 0.3), frame)
    room.box(x, y, (0.26, 0.34), frame)
    room.box((x[0] + 0.02, x[1]), (y[0] + 0.01, y[1]), (0.34, _BED_TOP_M), (232, 230, 226))
    room.box((x[0] + 0.02, x[1] - 0.75), (y[0], y[1]), (0.36, _BED_TOP_M + 0.02), (198, 168, 120))  # blanket
    room.box((x[1] - 0.52, x[1] - 0.08), (y[0] + 0.16, y[1] - 0.16), (_BED_TOP_M, _BED_TOP_M + 0.10), (244, 242, 240))
    for leg in (x[0] + 0.05, x[1] - 0.1):
        room.box((leg, leg + 0.05), (y[0], y[0] + 0.05), (0.0, 0.3), tinted(frame, 0.9))
    room.box((x[0] - 0.04, x[0] + 0.02), y, (0.1, 0.78), (116, 146, 172))  # footboard


def _chair(room: Room, x: float, y: float) -> None:
    wood = (96, 130, 160)
    room.shade((x - 0.27, x + 0.27), (y - 0.27, y + 0.27), 0.38)
    room.box((x - 0.22, x + 0.22), (y + 0.20, y + 0.24), (0.45, 0.95), wood)
    for dx in (-0.22, 0.18):
        room.box((x + dx, x + dx + 0.04), (y + 0.16, y + 0.20), (0.0, 0.43), tinted(wood, 0.8))
    room.box((x - 0.23, x + 0.23), (y - 0.23, y + 0.23), (0.42, _CHAIR_TOP_M), (120, 150, 176))
    for dx in (-0.22, 0.18):
        room.box((x + dx, x + dx + 0.04), (y - 0.22, y - 0.18), (0.0, 0.42), tinted(wood, 0.92))
