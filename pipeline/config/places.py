"""Where posebus keeps its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from platformdirs import user_data_dir


def home_folder(environment: Mapping[str, str]) -> Path:
    """POSEBUS_HOME if it is set, else the platform's folder for data of users."""
    named = environment.get("POSEBUS_HOME", "").strip()
    return Path(named or user_data_dir("posebus", appauthor=False)).expanduser().absolute()
