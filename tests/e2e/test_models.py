"""Model files that are absent or not the right ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.models import find
from tests.e2e.conftest import Program
from tests.homes import NewHome

SCENE = "sim://gym?seconds=1"
ZEROS = "ab" * 32


@pytest.mark.parametrize(
    ("detector", "error", "hint"),
    [
        ("{path: no.tflite}", r"no.tflite: cannot be read \(No such file or directory\)", "correct `path`"),
        ("{path: text.tflite}", "text.tflite: not a model that LiteRT can run", "models ls|models pull"),
        (f"{{path: text.tflite, sha256: {ZEROS}}}", f"its sha256 is [0-9a-f]+, expected {ZEROS}", "correct `sha256`"),
        ("{path: full.tflite}", r"full.tflite: input \(1, 256, 256, 3\) float32, expected \(1, 224, 224, 3\)", "zoo"),
        ("blazepose-ful", "no model is called 'blazepose-ful', there are blazepose-detector", "posebus models ls"),
        ("blazepose-full", "the model blazepose-full is for pose, not for detect", "posebus models ls"),
    ],
    ids=["absent", "not a model", "wrong sha256", "wrong shape", "unknown", "wrong task"],
)
def test_a_wrong_model_is_refused(
    detector: str, error: str, hint: str, program: Program, dsn: str, tmp_path: Path
) -> None:
    (tmp_path / "text.tflite").write_text("no model")
    shutil.copy(find("blazepose-full", tmp_path), tmp_path / "full.tflite")
    config = tmp_path / "c.yaml"
    config.write_text(f"models: {{detector: {detector}, pose: fake}}\n")

    program("run", SCENE, "--config", str(config), "--db", dsn).refused(5, error, hint)


def test_a_file_in_the_home_that_is_not_the_published_one_is_refused(
    program: Program, dsn: str, new_home: NewHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = new_home()
    (home / "models").mkdir()
    (home / "models" / "pose_detection.tflite").write_bytes(b"half of a downlo")
    monkeypatch.setenv("POSEBUS_HOME", str(home))

    done = program("run", SCENE, "--db", dsn)

    done.refused(5, r"pose_detection\.tflite: its sha256 is [0-9a-f]+, expected", "posebus models pull blazepose")
    assert program("models", "check").code == 5


def test_an_unknown_pack_is_refused(program: Program) -> None:
    program("models", "pull", "blase").refused(5, "nothing to pull is called 'blase', there is", "posebus models ls")
