"""Incidents as log lines."""

from __future__ import annotations

import logging

from pipeline.core.records import Record
from pipeline.core.values import Transition

log = logging.getLogger(__name__)

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.CRITICAL}


class LogChannel:
    """A `Channel` that writes each step as one log line, at the level of its severity; ends are information."""

    name = "log"

    def deliver(self, record: Record[Transition], key: str) -> None:
        """Write the line."""
        step = record.value
        level = logging.INFO if step.state == "end" else _LEVELS.get(step.severity, logging.WARNING)
        log.log(
            level,
            step.text,
            extra={
                "incident": str(step.incident_id),
                "version": step.version,
                "state": step.state,
                "rule": step.rule,
                "severity": step.severity,
                "camera": record.stamp.camera,
                "track_id": step.track_id,
            },
        )
