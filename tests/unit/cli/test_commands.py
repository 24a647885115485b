from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from pipeline.cli.main import COMMANDS, app


@pytest.mark.parametrize("name", COMMANDS)
def test_line_in_the_help_is_how_the_command_describes_itself(name: str) -> None:
    group = typer.main.get_command(app)
    command = group.get_command(group.context_class(group), name)  # type: ignore[attr-defined]

    assert command.name == name
    own = " ".join((command.help or "").split())
    assert own.startswith(COMMANDS[name].help.rstrip("."))


def test_help_does_not_wait_for_what_it_does_not_need() -> None:
    code = (
        "import sys\n"
        "from pipeline.cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('numpy', 'av', 'psycopg', 'ai_edge_litert') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
