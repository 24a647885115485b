"""Every cell of docs/notebook.md runs, as it stands there, and finds what it is to show."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from benchmarks.months import Months
from tests.homes import Server
from tests.integration.history.conftest import filled_database

PAGE = Path(__file__).parents[3] / "docs" / "notebook.md"
CELLS = re.findall(r"^## (.*?)\n(?:(?!^## ).)*?```python\n(.*?)```", PAGE.read_text(), re.S | re.M)


def test_the_cells_run_one_after_another(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    months = Months(cameras=1, days=2, until=date(2026, 2, 1), hours=0.05, segment_s=60)
    with filled_database(server, months) as database:
        monkeypatch.setenv("POSEBUS_DATABASE_DSN", database.url())
        try:
            for title, cell in CELLS:
                notebook.pop("axes", None)
                exec(compile(cell, f"{PAGE.name}: {title}", "exec"), notebook)
                if "axes" in notebook:
                    figures[title] = notebook["axes"]
        finally:
            notebook["history"].close()

    assert len(CELLS) == PAGE.read_text().count("```python") == 7
    assert "6 people; longest in sight: gym1" in capsys.readouterr().out
    knee = figures["A knee, and the repetitions that were counted"]
    assert len(knee.lines[0].get_xdata()) > 250
    assert len(knee.patches) == len(notebook["reps"]) > 3  # somebody squats
    assert len(figures["A skeleton"].lines) > 20
    assert len(notebook["feet"]) > 500
    assert set(notebook["by_hour"].columns) > {"stand", "crouch"}
    assert len(figures["Postures by the hour"].patches) == notebook["by_hour"].size
    assert notebook["pixels_per_s"].max() > 100
    notebook["plt"].close("all")
