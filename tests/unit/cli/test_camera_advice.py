"""Each reason for which a camera gives nothing has something to try."""

from __future__ import annotations

import pytest

from pipeline.cli.camera_advice import advice
from pipeline.video.live import LiveOptions
from pipeline.video.reader.endings import SENTENCES

OPTIONS = LiveOptions("rtsp://user:pw@host/x")


@pytest.mark.parametrize("reason", [s for kind, s in SENTENCES.items() if kind not in ("ended", "reset", "other")])
def test_each_reason_has_advice_of_its_own(reason: str) -> None:
    said = advice(OPTIONS, f"{reason} (499)")

    assert "try again" not in said
    assert len(said) > 20


def test_who_gave_no_user_is_asked_for_one() -> None:
    said = advice(LiveOptions("rtsp://host/x"), SENTENCES["unauthorized"])

    assert "--user NAME --password-file FILE" in said


def test_a_camera_without_key_frames_is_told_of() -> None:
    assert "GOP" in advice(OPTIONS, "75 packets came, but no key frame to begin with")
