"""What all tests share: the folder of real clips, and the table of skips at the end of a run."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes is a matter of what else the machine does; what it is to find is not.
settings.register_profile("posebus", deadline=None)
settings.load_profile("posebus")

pytest_plugins = ("tests.homes", "tests.debian", "tests.published", "tests.broker.fixtures")

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real clips: POSEBUS_SHARED_DATA, else shared/data beside the project."""
    named = os.environ.get("POSEBUS_SHARED_DATA")
    folder = Path(named) if named else HERE.parent.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"shared data: {folder} is not there" if named else "shared data: not beside the project")
    return folder


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _skips(session.config)[1] and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    skips, refused = _skips(config)
    terminalreporter.section("skips")
    for reason, count in sorted(skips.items()):
        terminalreporter.line(f"{count:5d}  {reason}{'   <-- not in tests/allowed_skips.txt' * (reason in refused)}")
    if not skips:
        terminalreporter.line("none")
    if refused:
        terminalreporter.line("Under CI=true only the listed reasons are accepted: the run fails.", red=True)


def _skips(config: pytest.Config) -> tuple[Counter[str], set[str]]:
    """How often each reason occurred, and the reasons that are not accepted here. Workers of xdist know of none."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return Counter(), set()
    # A module that skips as a whole is reported by each worker.
    reports = {report.nodeid: report for report in reporter.stats.get("skipped", [])}
    skips = Counter(_reason(report) for report in reports.values())
    allowed = [line for line in (HERE / "allowed_skips.txt").read_text().splitlines() if line and line[0] != "#"]
    strict = os.environ.get("CI", "").lower() == "true"
    return skips, {reason for reason in skips if strict and not reason.startswith(tuple(allowed))}


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    said = report.longrepr[2] if isinstance(report.longrepr, (tuple, list)) else str(report.longrepr)
    return said.removeprefix("Skipped: ")
