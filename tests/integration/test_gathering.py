"""Records of recordings gather before the light stages, but what is there already does not wait for more."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.embedded_run import run_sources
from pipeline.cli.take_up import Wishes
from pipeline.config import load_config
from pipeline.database import Database
from pipeline.runners.embedded import run
from pipeline.video.simulate import SimulatedSource
from pipeline.video.simulate.scene import parse_scene

FOR_EVER_S = 120.0
FRAMES = 40 * 15


def test_many_frames_and_the_end_of_a_recording_do_not_wait(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("models: {detector: fake, pose: fake}\n")
    monkeypatch.setattr(run, "RECORDED_GATHER_S", FOR_EVER_S)
    source = SimulatedSource(parse_scene("sim://ward?seconds=40&fps=15&width=320&height=240"))

    outcome = run_sources(load_config(config, {}), database, [("ward", source)], Wishes())

    assert outcome.tallies["ward"].frames == FRAMES
    assert outcome.tallies["ward"].wall_s < FOR_EVER_S
