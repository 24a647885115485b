"""Simulated cameras: rendered people who move, with exact truth about every frame."""

from pipeline.video.simulate.parameters import SCENES
from pipeline.video.simulate.scene import SceneSpec, parse_scene
from pipeline.video.simulate.simulation import Simulation
from pipeline.video.simulate.source import SimulatedSource
from pipeline.video.simulate.truth import Action, Biography, Fall, Interval, Repetition, Truth

__all__ = [
    "SCENES",
    "Action",
    "Biography",
    "Fall",
    "Interval",
    "Repetition",
    "SceneSpec",
    "SimulatedSource",
    "Simulation",
    "Truth",
    "parse_scene",
]
