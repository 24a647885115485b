"""Log lines: events with fields, as text for people or as JSON lines for programs; never with a password."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Mapping
from typing import Literal, TextIO

from pythonjsonlogger.json import JsonFormatter
from rich.console import Console
from rich.logging import RichHandler

from pipeline.core.redact import HIDDEN, is_secret, redact

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["text", "json"]

OURS = ("pipeline", "stages")

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def setup_logging(
    level: Level, format: Format = "text", *, console: Console | None = None, stream: TextIO | None = None
) -> None:
    """Send log lines to standard error: our own from `level` on, those of other packages from warnings on.

    Args:
        level: The least important lines to show.
        format: Text (coloured on a terminal) or one JSON object a line.
        console: The terminal that a progress display uses as well, so that lines do not tear it.
        stream: Where to write instead of standard error.
    """
    handler = _handler(format, console, stream)
    handler.set_name("posebus")
    root = logging.getLogger()
    for old in [each for each in root.handlers if each.get_name() == "posebus"]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    number = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(number, logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(number)
    logging.captureWarnings(True)


def _handler(format: Format, console: Console | None, stream: TextIO | None) -> logging.Handler:
    handler: logging.Handler
    if format == "json":
        handler = logging.StreamHandler(stream or sys.stderr)
        handler.setFormatter(_JsonLine())
        return handler
    if console is None:
        console = Console(file=stream, stderr=stream is None)
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=False, markup=False, log_time_format="[%X]")
        handler.setFormatter(_TextLine("%(message)s"))
    else:
        handler = logging.StreamHandler(console.file)
        handler.setFormatter(_TextLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


class _TextLine(logging.Formatter):
    """The message, then the fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        record, fields = _clean(record)
        record.msg = " ".join([str(record.msg), *(f"{name}={value}" for name, value in fields.items())])
        return super().format(record)


class _JsonLine(JsonFormatter):
    """One JSON object: time, level, logger, message, and the fields beside them."""

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            datefmt="%Y-%m-%dT%H:%M:%S%z",
        )

    def format(self, record: logging.LogRecord) -> str:
        return super().format(_clean(record)[0])


def _clean(record: logging.LogRecord) -> tuple[logging.LogRecord, dict[str, object]]:
    """A copy of the record without passwords in message, fields and traceback, and its fields."""
    clean = copy.copy(record)
    clean.msg, clean.args = redact(record.getMessage()), None
    if record.exc_info and record.exc_info[0]:
        clean.exc_text, clean.exc_info = redact(logging.Formatter().formatException(record.exc_info)), None
    fields = {name: _safe(name, value) for name, value in vars(record).items() if name not in _STANDARD}
    vars(clean).update(fields)
    return clean, fields


def _safe(name: str, value: object) -> object:
    if is_secret(name):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(key): _safe(str(key), each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_safe("", each) for each in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redact(str(value))
