"""The wheel, in an empty environment with the locked dependencies, outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.homes import homes

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"

Program = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.timeout(600)
VERSIONS = [
    pytest.param(version, marks=pytest.mark.xdist_group(f"wheel {version}"), id=version) for version in ("3.11", "3.12")
]


def checked(command: list[str | Path], cwd: Path, environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"


def find_python(version: str) -> Path | None:
    """By running each candidate: a shim may lie on the path with nothing behind it."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    installed = map(str, sorted(pyenv.glob(f"{version}.*/bin/python{version}")))
    for candidate in (sys.executable, f"python{version}", *installed):
        try:
            done = subprocess.run(
                [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"],
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError:
            continue
        found, _, path = done.stdout.strip().partition(" ")
        if done.returncode == 0 and found == version:
            return Path(path)
    return None


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    checked([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def program(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """`posebus` of a new environment, started in an empty folder with a home of its own."""
    version: str = request.param
    python = find_python(version)
    if python is None:
        pytest.skip(f"python {version}: not here")
    folder = tmp_path_factory.mktemp(f"python{version}")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("POSEBUS_", "PYTHON", "VIRTUAL_ENV", "PYTEST", "COV"))
    }
    environment["UV_PYTHON_DOWNLOADS"] = "never"
    # `posebus models pull` asks pip or uv.
    environment["PATH"] = f"{environment['PATH']}{os.pathsep}{UV.parent}"
    checked([UV, "venv", "-q", "--no-project", "--python", python, folder / "env"], folder, environment)
    install: list[str | Path] = [UV, "pip", "install", "-q", "--python", folder / "env/bin/python"]
    checked([*install, "--constraint", ROOT / "requirements.lock", wheel], folder, environment)
    (folder / "work").mkdir()

    with homes() as make:
        environment["POSEBUS_HOME"] = str(make())

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [folder / "env/bin/posebus", *arguments],
                cwd=folder / "work",
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )

        yield run


def test_the_wheel_holds_code_schemas_and_migrations_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"pipeline", "stages"}
    for folder, pattern, packed in (
        ("schemas", "**/*.avsc", "pipeline/_schemas"),
        ("pipeline/database/migrations", "*.sql", "pipeline/database/migrations"),
    ):
        files = [path.relative_to(ROOT / folder).as_posix() for path in (ROOT / folder).glob(pattern)]
        assert files
        assert {f"{packed}/{file}" for file in files} <= set(names)


@pytest.mark.parametrize("program", VERSIONS, indirect=True)
def test_the_program_starts(program: Program) -> None:
    done = program("--help")

    assert done.returncode == 0, done.stderr
    assert "posebus" in done.stdout


@pytest.mark.parametrize("program", VERSIONS, indirect=True)
def test_a_configuration_is_checked(program: Program, tmp_path: Path) -> None:
    (tmp_path / "right.yaml").write_text("cameras: {gym: sim://gym}\n")
    (tmp_path / "wrong.yaml").write_text("track:\n  lots_s: 3\n")

    assert program("config", "check", str(tmp_path / "right.yaml")).returncode == 0
    done = program("config", "check", str(tmp_path / "wrong.yaml"))
    assert done.returncode == 2
    assert "wrong.yaml:2: track.lots_s: unknown key" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("program", VERSIONS, indirect=True)
def test_a_scene_runs_into_the_embedded_database(program: Program, tmp_path: Path) -> None:
    pulled = program("models", "pull", "blazepose")
    assert pulled.returncode == 0, pulled.stderr

    done = program("run", "sim://gym?people=1&seed=7", "--limit-s", "2", "--summary", str(tmp_path / "summary.json"))

    assert done.returncode == 0, done.stderr
    (camera,) = json.loads((tmp_path / "summary.json").read_text())["cameras"].values()
    assert camera["frames"] > 0
    assert camera["poses"] > 0
    answer = program("query", "SELECT count(*) AS n FROM poses", "--format", "csv")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split() == ["n", str(camera["poses"])]
