"""What nobody foresaw is told as a defect, with all that a report of it needs and without passwords."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import pytest

from pipeline.cli import query
from pipeline.cli.main import main
from pipeline.core.errors import DatabaseError
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


@pytest.mark.parametrize(("order", "code"), [(SystemExit(143), 143), (KeyboardInterrupt(), 130)])
def test_an_error_that_comes_of_a_signal_is_not_told(
    order: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def extension() -> NoReturn:
        raise ImportError("initialization failed") from order

    def file() -> NoReturn:
        try:
            raise order
        finally:
            os.close(-1)

    def server() -> NoReturn:
        try:
            file()
        except OSError as error:
            raise DatabaseError("the embedded database does not start") from error

    for fail in (extension, file, server):
        monkeypatch.setattr(query, "load_config", lambda *_, fail=fail: fail())
        monkeypatch.setattr(sys, "argv", ["posebus", "query", "SELECT 1"])

        with pytest.raises(SystemExit) as end:
            main()

        assert end.value.code == code
        assert capsys.readouterr() == ("", "")
