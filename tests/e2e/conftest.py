"""The program in this process, for all that needs no process of its own, and a configuration without real models."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.cli.main import main
from tests.e2e.terminal import Ended
from tests.rtsp import clips
from tests.rtsp.cameras import need_server
from tests.rtsp.proxy import Weather

Program = Callable[..., Ended]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """Runs `posebus` with words; its home cannot be used, so that a test has to name a home or a database."""
    for name in [name for name in os.environ if name.startswith(("POSEBUS_", "PG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("POSEBUS_HOME", "/dev/null/home")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # the command line puts its own there

    def run(*words: str, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "argv", ["posebus", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code: int | str | None = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        finally:
            _forget_logging()
        said = capsys.readouterr()
        assert isinstance(code, int)
        return Ended(code, said.out, said.err)

    return run


def _forget_logging() -> None:
    root = logging.getLogger()
    for handler in [each for each in root.handlers if each.get_name() == "posebus"]:
        root.removeHandler(handler)
    root.setLevel(logging.WARNING)
    for name in ("pipeline", "stages"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(False)


@pytest.fixture
def fake(tmp_path: Path) -> str:
    """A configuration whose models see painted marks."""
    path = tmp_path / "fake.yaml"
    path.write_text("models: {detector: fake, pose: fake}\n")
    return str(path)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film for cameras of an RTSP server; skips, or fails where nothing may be skipped, without one."""
    need_server()
    return clips.write(tmp_path_factory.mktemp("clips") / "a.mp4")


@pytest.fixture
def weather() -> Iterator[Weather]:
    """The loop of proxies."""
    loop = Weather()
    yield loop
    loop.close()
