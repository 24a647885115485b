from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.doctor import Check, run_checks
from pipeline.models.zoo import entries, models_folder

NOWHERE = "postgresql://me:hunter2@127.0.0.1:1/x?connect_timeout=1"


def looked(home: Path) -> dict[str, Check]:
    models = load_config(None, {"POSEBUS_MODELS_DETECTOR": "fake", "POSEBUS_MODELS_POSE": "fake"}).models
    return {check.name: check for check in run_checks(home, models, NOWHERE)}


def test_each_thing_is_told_with_what_was_found(tmp_path: Path) -> None:
    checks = looked(tmp_path / "home")

    for name in ("python", "processor", "packages", "home folder", "models run", "video codecs"):
        assert checks[name].ok, checks[name]
        assert checks[name].advice == ""
    assert f"{sys.version_info[0]}.{sys.version_info[1]}." in checks["python"].found
    assert "numpy 2." in checks["packages"].found
    assert [name for name, check in checks.items() if not check.ok] == ["database"], "NOWHERE has none"


def test_a_database_that_refuses_is_told_without_its_password(tmp_path: Path) -> None:
    check = looked(tmp_path)["database"]

    assert not check.ok
    assert check.advice
    assert "127.0.0.1" in check.found
    assert "hunter2" not in check.found + check.advice


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    check = looked(tmp_path / "file" / "home")["home folder"]

    assert not check.ok
    assert "POSEBUS_HOME" in check.advice


def test_a_model_file_with_other_content_is_told(tmp_path: Path) -> None:
    models_folder(tmp_path).mkdir()
    (models_folder(tmp_path) / entries()["blazepose-full"].file).write_bytes(b"other")

    check = looked(tmp_path)["model blazepose-full"]

    assert not check.ok
    assert "models pull" in check.advice


def test_a_package_that_cannot_be_imported_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simplejpeg", None)

    checks = looked(tmp_path)

    assert not checks["package simplejpeg"].ok
    assert "pip install --force-reinstall 'simplejpeg>=1.8'" in checks["package simplejpeg"].advice
    assert "simplejpeg" not in checks["packages"].found
