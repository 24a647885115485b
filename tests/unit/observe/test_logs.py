from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from rich.console import Console

from pipeline.logs import Format, setup_logging

log = logging.getLogger("pipeline.bus")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(False)
    for name in ("pipeline", "stages"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines_hold_message_and_fields() -> None:
    out = io.StringIO()
    setup_logging("info", "json", stream=out)

    log.info("checkpoint of %s", "track", extra={"stage": "track", "offsets": {"tracks": 7}, "took_s": 0.25})

    line = json.loads(out.getvalue())
    assert line.pop("time")
    assert line == {
        "level": "INFO",
        "logger": "pipeline.bus",
        "message": "checkpoint of track",
        "stage": "track",
        "offsets": {"tracks": 7},
        "took_s": 0.25,
    }


def test_text_lines_show_fields() -> None:
    out = io.StringIO()
    setup_logging("info", stream=out)

    log.info("checkpoint", extra={"stage": "track", "took_s": 0.25})

    assert out.getvalue().endswith("INFO pipeline.bus: checkpoint stage=track took_s=0.25\n")


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize("terminal", [False, True])
def test_no_line_shows_a_password(format: Format, terminal: bool) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=300)
    setup_logging("debug", format, stream=out) if format == "json" else setup_logging("debug", console=console)

    log.info("open %s", "rtsp://admin:hunter2@cam/1", extra={"urls": ["rtsp://a:hunter2@b"], "password": "hunter2"})
    try:
        raise ValueError("postgresql://u:hunter2@db/x refused")
    except ValueError:
        log.exception("database", extra={"why": ValueError("password=hunter2")})

    assert "hunter2" not in out.getvalue()
    assert "refused" in out.getvalue()


def test_other_packages_speak_from_warnings_on() -> None:
    out = io.StringIO()
    setup_logging("debug", stream=out)

    logging.getLogger("httpx").info("HTTP Request: POST https://hooks.example/secret-path")
    logging.getLogger("stages.track").debug("step")

    assert "hooks.example" not in out.getvalue()
    assert "step" in out.getvalue()


def test_set_up_twice_writes_once() -> None:
    out = io.StringIO()
    setup_logging("info", stream=out)
    setup_logging("info", stream=out)

    log.info("once")

    assert out.getvalue().count("once") == 1
