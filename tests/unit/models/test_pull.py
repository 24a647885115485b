from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.core.errors import ModelError
from pipeline.models import entries, find, pull

NOWHERE = Path("no-folder-of-models")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place where pip and uv look for wheels."""
    folder = tmp_path / "index"
    folder.mkdir()
    for tool, no_network in (("PIP", "NO_INDEX"), ("UV", "OFFLINE")):
        monkeypatch.setenv(f"{tool}_{no_network}", "1")
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(folder))
        monkeypatch.setenv(f"{tool}_CACHE_DIR", str(tmp_path / "cache"))
    return folder


def wheel(folder: Path, files: Mapping[str, bytes]) -> None:
    """The wheel that carries the models, as far as installers look at it."""
    info = "mediapipe-0.10.21.dist-info"
    content = {
        **files,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.10.21\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\n"
        b"Tag: cp311-cp311-manylinux_2_28_x86_64\n",
    }
    record = "".join(f"{name},,\n" for name in [*content, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl", "w") as archive:
        for name, data in {**content, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(name, data)


def test_pull_takes_the_files_out_of_the_wheel(index: Path, tmp_path: Path) -> None:
    models = entries()
    wheel(index, {model.path: find(name, NOWHERE).read_bytes() for name, model in models.items()})
    home = tmp_path / "home"

    placed = pull("blazepose", home)

    assert sorted(path.name for path in placed) == ["pose_detection.tflite", "pose_landmark_full.tflite"]
    assert sorted(home.rglob("*.*")) == sorted(placed)
    assert find("blazepose-full", home) in placed


def test_wheel_with_other_files_changes_nothing(index: Path, tmp_path: Path) -> None:
    models = entries()
    content = {model.path: find(name, NOWHERE).read_bytes() for name, model in models.items()}
    wheel(index, content | {models["blazepose-full"].path: b"another model"})

    with pytest.raises(ModelError, match=r"pose_landmark_full.tflite: its sha256 is [0-9a-f]{64}, expected e9a5c5cb"):
        pull("blazepose", tmp_path / "home")

    assert not (tmp_path / "home").exists()


def test_failed_download_says_why(index: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"mediapipe==0\.10\.21 could not be downloaded") as caught:
        pull("blazepose", tmp_path / "home")

    assert "check the network" in str(caught.value.hint)


def test_unknown_pack_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing to pull is called 'hands', there is blazepose"):
        pull("hands", tmp_path)
