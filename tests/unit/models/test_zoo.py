from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.core.errors import ModelError
from pipeline.core.skeletons import SKELETONS
from pipeline.models import entries, find, zoo
from pipeline.models.kinds import DETECTORS, ESTIMATORS


def test_every_entry_is_complete() -> None:
    for name, model in entries().items():
        assert model.name == name
        assert len(model.sha256) == 64
        assert model.source
        assert model.kind in (DETECTORS if model.task == "detect" else ESTIMATORS)
        assert (model.wheel is None) == (model.path is None)
        assert model.wheel is None or "==" in model.wheel
        assert model.url is None or model.url.startswith("https://")
        assert model.licence
        assert model.task == ("detect" if model.skeleton is None else "pose")
        assert model.skeleton is None or model.skeleton in SKELETONS


def test_installed_wheel_is_read_without_importing_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pipeline.models import find;"
        f"print(find('blazepose-full', Path({str(tmp_path)!r}))); assert 'mediapipe' not in sys.modules"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("mediapipe/modules/pose_landmark/pose_landmark_full.tflite")


def test_file_under_home_goes_before_the_wheel(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    own = Path(shutil.copy(find("blazepose-detector", tmp_path), tmp_path / "models" / "pose_detection.tflite"))

    assert find("blazepose-detector", tmp_path) == own


def test_wrong_hash_names_both(tmp_path: Path) -> None:
    own = tmp_path / "models" / "pose_detection.tflite"
    own.parent.mkdir()
    own.write_bytes(b"something else")

    with pytest.raises(ModelError) as caught:
        find("blazepose-detector", tmp_path)

    assert zoo.sha256_of(own) in caught.value.message
    assert entries()["blazepose-detector"].sha256 in caught.value.message
    assert "posebus models pull blazepose" in str(caught.value.hint)


def test_absent_file_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "find_spec", lambda package: None)

    with pytest.raises(ModelError, match="blazepose-full is not on this machine") as caught:
        find("blazepose-full", tmp_path)

    assert "posebus models pull blazepose" in str(caught.value.hint)


def test_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model is called 'yolo', there are blazepose-detector, blazepose-full"):
        find("yolo", tmp_path)
