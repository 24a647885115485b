"""What nobody foresaw is told as a defect, with all that a report of it needs and without passwords."""

from __future__ import annotations

import sys
from typing import NoReturn

import pytest

from pipeline.cli import query
from pipeline.cli.main import main
from tests.e2e.terminal import SECRET, SECRET_DSN


def test_a_defect_is_told_with_its_traceback_and_without_passwords(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> NoReturn:
        raise ValueError(f"[/x] {SECRET_DSN}\nis odd")

    monkeypatch.setattr(query, "load_config", fail)
    monkeypatch.setattr(sys, "argv", ["posebus", "query", "SELECT 1"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    with pytest.raises(SystemExit) as end:
        main()

    said = capsys.readouterr().err
    assert end.value.code == 1
    assert SECRET not in said
    assert said.startswith("Traceback (most recent call last):\n")
    *_, error, hint = said.splitlines()
    assert error == "error: a defect of posebus: ValueError: [/x] postgresql://ann:***@127.0.0.1:1/gym is odd"
    assert hint == "hint:  please report it together with the lines above"
