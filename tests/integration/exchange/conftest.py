"""The command line in this process, and a second database."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli.main import app
from pipeline.database import EmbeddedServer
from tests.homes import new_database
from tests.integration.exchange.history import Posebus


@pytest.fixture
def posebus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Posebus:
    """Runs a command in this process; its error is raised."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSEBUS_HOME", str(tmp_path / "home"))

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(app, list(arguments))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    return run


@pytest.fixture
def other_dsn(server: EmbeddedServer) -> str:
    return new_database(server)
