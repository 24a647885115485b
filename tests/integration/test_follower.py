"""Cameras of one process, followed in the database's registry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.cli.live import Follower
from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.database import open_database
from tests.homes import Server, new_database


def test_a_camera_is_told_to_be_paused_once_its_reader_has_left(server: Server) -> None:
    told: list[CameraStatus] = []
    begun: list[str] = []
    removed: list[str] = []
    left: set[str] = set()
    with open_database(new_database(server), Path("unused")) as database:
        cameras = database.cameras()
        spec = CameraSpec("hall", cameras.camera_no("hall"), "sim://gym", "live")
        cameras.put(spec)
        follower = Follower(
            database,
            add=lambda added: begun.append(added.name),
            remove=removed.append,
            has_left=left.__contains__,
            told=told.append,
            now_us=lambda: 1_800_000_000_000_000,
            known={},
        )
        follower.look()
        cameras.put(replace(spec, paused=True))
        follower.look()
        follower.look()
        before = list(told)  # its reader may still say that it is live
        left.add("hall")
        follower.look()
        follower.look()

    assert begun == removed == ["hall"]
    assert before == []
    assert [status.state for status in told] == ["paused"]
