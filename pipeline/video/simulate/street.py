"""The scene street: people cross each other's way, behind a kiosk, a car and pillars; some run, some stop to wave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.video.simulate.camera import Camera
from pipeline.video.simulate.choreography import Choreographer
from pipeline.video.simulate.gait import RUNNING, WALKING
from pipeline.video.simulate.gestures import Side, hands_up, point, wave
from pipeline.video.simulate.room import Room, Scenery, tinted
from pipeline.video.simulate.scene import SceneSpec
from pipeline.video.simulate.script import Script
from pipeline.video.simulate.staging import Staging, aimed, cast

_TO_CAMERA = -np.pi / 2
_BACK_M = 13.0
_MIDDLE_M = 6.6
_SIDES: tuple[Side, Side] = ("left", "right")

# Lanes along the street, metres from the camera: the near ones before the furniture, the others behind it. People
# take them in this order, so that few people have room between them; the pair 0, 1 crosses behind the furniture.
_LANES = (7.15, 7.65, 4.5, 8.2, 8.75, 5.0, 7.4, 9.3, 4.05, 9.0, 7.9, 8.45, 9.6, 6.9, 9.9)

_KIOSK_WIDE_M = 1.6
_FURNITURE_Y = (5.6, 6.5)
"""Seen from the camera a kiosk of 1.6 m hides 2.0 to 2.8 m of the lanes behind it, some 2 s of walking."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where furniture stands, metres to the right of the middle."""

    kiosk_x: float
    car_x: float
    pillars: tuple[tuple[float, float], ...]
    car: tuple[float, float, float]


def stage_street(spec: SceneSpec) -> Staging:
    """Camera, street and people that `spec` asks for."""
    random = spec.random("street")
    camera = _camera(spec, random)
    plan = _plan(random)
    offset = int(random.integers(1000))
    actors = []
    for number in range(spec.people):
        own = spec.random("person", number)
        player = cast(spec, own, dress="everyday", number=number, offset=offset)
        lane = _LANES[number % len(_LANES)] + float(own.uniform(-0.04, 0.04))
        edge = lane * camera.width / 2 / camera.focal_px + 1.0
        walker = _Walker(spec, number, lane, edge, own)
        actors.append(player.with_script(walker.script(Choreographer(player.body, own, walker.begin, walker.heading))))
    return Staging(camera, lambda: _scenery(camera, plan, random), tuple(actors), furnished=True)


def _camera(spec: SceneSpec, random: np.random.Generator) -> Camera:
    """On a pole, looking down along the street's other side."""
    above = float(random.uniform(2.6, 3.4))
    focal = float(random.uniform(0.76, 0.88)) * min(spec.width, spec.height * 4 / 3)
    return aimed(spec, focal, above, lambda height: float(np.arctan2(height - 1.0, _MIDDLE_M)))


class _Walker:
    """One person's way: to and fro along a lane.

    People 0 and 1 walk toward each other and meet in the middle, again and again; of the others every third runs, and
    every third stops on the way for a gesture. All but the pair are under way when the clip begins.
    """

    def __init__(self, spec: SceneSpec, number: int, lane: float, edge: float, random: np.random.Generator) -> None:
        self._spec = spec
        self._lane = lane
        self._edge = edge
        self._random = random
        self._pair = number < 2 and spec.people > 1
        self._runs = number % 3 == 0 and not self._pair
        self._stops = number % 3 == 2 or spec.people == 1
        self._right = bool(number % 2 == 0)
        start = -edge if self._right else edge
        if not self._pair:
            start *= float(random.uniform(-0.5, 0.8))
        self.begin = (start, lane)
        self.heading = 0.0 if self._right else np.pi

    def script(self, person: Choreographer) -> Script:
        """Passes until the clip is over."""
        random = self._random
        turn = 0
        while person.now_s < self._spec.seconds:
            speed = float(random.uniform(2.4, 2.9) if self._runs else random.uniform(1.1, 1.5))
            end = (self._edge if self._right else -self._edge, self._lane + float(random.uniform(-0.03, 0.03)))
            if self._pair:
                self._wait_for_meeting(person, speed, turn)
            if self._stops:
                self._stop(person, speed, end[0], turn)
            person.walk_to(end, speed, RUNNING if self._runs else WALKING)
            person.hold(float(random.uniform(0.4, 2.0)), "stand")
            self._right = not self._right
            turn += 1
        return person.script()

    def _wait_for_meeting(self, person: Choreographer, speed: float, turn: int) -> None:
        """Leave so that both of the pair are in the middle at the same time."""
        # A walk takes its way at full speed and 0.7 s for starting and stopping, half of it before the middle.
        meets_s = 6.5 + 17.0 * turn + float(self._spec.random("meeting", turn).uniform(-0.8, 0.8))
        turning_s = 2.5 if turn else 0.0
        leaves_s = meets_s - self._edge / speed - 0.35 - turning_s
        person.hold(max(leaves_s - person.now_s, 0.1), "stand")

    def _stop(self, person: Choreographer, speed: float, end_x: float, turn: int) -> None:
        """Walk to somewhere in the picture, face the camera, and make a gesture."""
        random = self._random
        x = float(random.uniform(-0.45, 0.45)) * self._edge
        if abs(x - person.place[0]) < 1.0 or (x - person.place[0]) * (end_x - person.place[0]) < 0:
            return
        person.walk_to((x, self._lane), speed)
        person.turn_to(_TO_CAMERA + float(random.uniform(-0.4, 0.4)))
        person.hold(float(random.uniform(0.3, 1.0)), "stand")
        side = _SIDES[int(random.integers(2))]
        gesture = int(random.integers(3)) if turn else 0
        if gesture == 0:
            wave(person, side, float(random.uniform(1.8, 3.2)))
        elif gesture == 1:
            point(person, side, float(random.uniform(0.2, 1.0)), float(random.uniform(1.2, 2.2)))
        else:
            hands_up(person, float(random.uniform(1.2, 2.2)))
        person.hold(float(random.uniform(0.3, 0.8)), "stand")


def _plan(random: np.random.Generator) -> _Plan:
    side = 1.0 if random.random() < 0.5 else -1.0
    cars = ((88, 62, 150), (150, 108, 60), (120, 122, 126), (70, 110, 84))
    return _Plan(
        kiosk_x=side * float(random.uniform(0.3, 1.2)),
        car_x=-side * float(random.uniform(3.5, 4.3)),
        pillars=tuple((float(random.uniform(-2.6, 2.6)), float(random.uniform(6.62, 6.7))) for _ in range(2)),
        car=cars[int(random.integers(len(cars)))],
    )


def _scenery(camera: Camera, plan: _Plan, random: np.random.Generator) -> Scenery:
    half = 24.0
    paving = tinted((168, 172, 176), float(random.uniform(0.92, 1.04)))
    brick = ((150, 172, 196), (176, 184, 190), (140, 150, 178))[int(random.integers(3))]
    room = Room(camera, _BACK_M, half, paving, brick, height_m=9.0)
    room.on_floor((-half, half), (0.6, 3.3), (104, 104, 108))  # carriageway before the kerb
    room.on_floor((-half, half), (3.3, 3.45), (196, 198, 200))
    for y in np.arange(3.45, _BACK_M, 0.8):
        room.on_floor((-half, half), (float(y), float(y) + 0.015), tinted(paving, 0.92))
    for x in np.arange(-16.0, 16.0, 0.8):
        room.on_floor((float(x), float(x) + 0.012), (3.45, _BACK_M), tinted(paving, 0.93))
    _facade(room, random)
    room.shade((-half, half), (_BACK_M - 0.5, _BACK_M), 0.3)
    for x, y in plan.pillars:
        room.shade((x - 0.25, x + 0.45), (y - 0.2, y + 0.3), 0.35)
        room.block((x - 0.16, x + 0.16), (y - 0.05, y + 0.05), (0.0, 3.4), (128, 130, 134))
    _kiosk(room, plan.kiosk_x)
    _car(room, plan.car_x, plan.car)
    return room.scenery(random)


def _facade(room: Room, random: np.random.Generator) -> None:
    room.on_wall((-24.0, 24.0), (0.0, 0.5), (120, 122, 126))
    awnings = ((70, 80, 170), (120, 100, 60), (84, 130, 90))
    for i in range(-6, 7):
        x = i * 2.6 + 0.4
        tone = float(random.uniform(0.85, 1.1))
        if i % 3 == 0:  # a door
            room.on_wall((x - 0.5, x + 0.5), (0.0, 2.2), (70, 84, 104))
            room.on_wall((x - 0.42, x + 0.42), (0.05, 2.12), tinted((92, 112, 140), tone))
        else:  # a shop window
            room.on_wall((x - 1.0, x + 1.0), (0.55, 2.5), (96, 98, 100))
            room.on_wall((x - 0.92, x + 0.92), (0.63, 2.42), tinted((178, 170, 150), tone))
            room.on_wall((x - 1.05, x + 1.05), (2.5, 2.85), awnings[(i + 12) % 3])
        room.on_wall((x - 0.5, x + 0.5), (3.5, 5.0), (196, 192, 182))
        room.on_wall((x - 0.42, x + 0.42), (3.58, 4.92), tinted((150, 140, 122), tone))


def _kiosk(room: Room, x: float) -> None:
    near, far = _FURNITURE_Y
    left, right = x - _KIOSK_WIDE_M / 2, x + _KIOSK_WIDE_M / 2
    room.shade((left - 0.1, right + 0.3), (near - 0.15, far + 0.2), 0.45)
    room.block((left, right), (near, far), (0.0, 2.3), (96, 116, 78))
    room.box((left + 0.1, right - 0.1), (near, near), (1.05, 2.0), (150, 160, 168))
    for i, colour in enumerate(((80, 90, 190), (190, 170, 90), (120, 190, 200), (150, 110, 170))):
        at = left + 0.14 + i * 0.36
        room.box((at, at + 0.3), (near, near), (0.25, 0.9), colour)
    room.block((left - 0.12, right + 0.12), (near - 0.1, far + 0.05), (2.27, 2.42), (70, 84, 60))


def _car(room: Room, x: float, colour: tuple[float, float, float]) -> None:
    near, far = _FURNITURE_Y[0] - 0.35, _FURNITURE_Y[1] + 0.1
    left, right = x - 2.05, x + 2.05
    room.shade((left - 0.1, right + 0.2), (near - 0.2, far + 0.2), 0.5)
    room.block((left, right), (near, far), (0.22, 0.92), colour)
    room.block((left + 0.75, right - 0.55), (near + 0.15, far - 0.15), (0.92, 1.45), tinted(colour, 0.95))
    for window in ((left + 0.9, x + 0.05), (x + 0.15, right - 0.7)):
        room.box(window, (near + 0.15, near + 0.15), (0.98, 1.38), (110, 104, 92))
    for wheel in (left + 0.75, right - 0.75):
        for radius, tone in ((0.32, 46.0), (0.17, 150.0)):
            turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            rim = [(wheel + radius * float(np.cos(t)), near - 0.01, 0.32 + radius * float(np.sin(t))) for t in turn]
            room.polygon(rim, (tone, tone, tone))
            room.hide(rim, near + 0.5)
