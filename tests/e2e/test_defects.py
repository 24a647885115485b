"""What nobody foresaw is told as a defect, with all that a report of it needs and without passwords."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

import pytest

from pipeline.cli import program, query
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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_what_becomes_of_a_signal_in_the_middle_of_something_is_not_told(
    number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def extension() -> None:
        try:
            signal.raise_signal(number)
        except BaseException as order:
            raise ImportError("initialization failed") from order

    def pipe() -> None:
        try:
            signal.raise_signal(number)
        finally:
            os.close(-1)

    def server() -> None:
        try:
            pipe()
        except OSError as error:
            raise DatabaseError("the embedded database does not start") from error

    for interrupted in (extension, pipe, server):
        assert _ended(interrupted, monkeypatch) == code
        assert capsys.readouterr() == ("", "")


def test_what_goes_wrong_on_the_way_out_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def leaves() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            raise DatabaseError("the embedded database does not stop")

    def each_others_cause() -> None:
        one, other = DatabaseError("one"), DatabaseError("other")
        try:
            raise one from other
        except DatabaseError:
            raise other from one

    assert _ended(leaves, monkeypatch) == 4
    assert "error: the embedded database does not stop" in capsys.readouterr().err
    assert _ended(each_others_cause, monkeypatch) == 4
    assert "error: other" in capsys.readouterr().err


def test_ctrl_c_while_the_program_is_imported_ends_it_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "pipeline.cli.main":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "pipeline.cli.main")
    monkeypatch.setattr(sys, "meta_path", [Interrupted, *sys.meta_path])

    with pytest.raises(SystemExit) as end:
        program()

    assert end.value.code == 130


def _ended(work: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of a command that does this."""
    monkeypatch.setattr(query, "load_config", lambda *_: work())
    monkeypatch.setattr(sys, "argv", ["posebus", "query", "SELECT 1"])
    with pytest.raises(SystemExit) as end:
        main()
    assert isinstance(end.value.code, int)
    return end.value.code
