from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.core.errors import ConfigError
from pipeline.core.history import HistoryPolicy


def policy(folder: Path, text: str) -> HistoryPolicy | None:
    file = folder / "posebus.yaml"
    file.write_text(f"history: {text}\n")
    return load_config(file, {}).history.policy()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{}", None),
        ("{world: false}", None),
        ("{retention: null}", HistoryPolicy(None, 43200.0, None)),
        ("{retention: 30d, compress_after: 12h, budget: 200GB}", HistoryPolicy(2_592_000.0, 43200.0, 200 * 10**9)),
        ("{retention: 1.5w, compress_after: 90min, budget: 1.5 TiB}", HistoryPolicy(907_200.0, 5400.0, 3 * 2**39)),
    ],
)
def test_what_is_written_is_what_is_kept(tmp_path: Path, text: str, wanted: HistoryPolicy) -> None:
    assert policy(tmp_path, text) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{retention: 30}", "a text"),
        ("{retention: 30 moons}", "such as 30d"),
        ("{retention: 3s}", "1min to 100 years"),
        ("{retention: -1d}", "such as 30d"),
        ("{compress_after: 0h}", "1min to 100 years"),
        ("{budget: 5MB}", "at least 50MB"),
        ("{budget: 200gb}", "such as 200GB"),
        ("{budgte: 200GB}", "budget"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        policy(tmp_path, text)
