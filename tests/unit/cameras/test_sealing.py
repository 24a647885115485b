"""Passwords rest sealed or elsewhere, never in clear."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cameras.sealing import SECRET_KEY, new_key, reveal, sealed
from pipeline.core.errors import ConfigError

KEY = {SECRET_KEY: new_key()}


def test_a_sealed_password_is_opened_with_the_same_key_alone() -> None:
    text = sealed("p@ss/w", KEY)

    assert "p@ss" not in text
    assert reveal(text, KEY) == "p@ss/w"
    assert sealed("p@ss/w", KEY) != text
    assert sealed(text, KEY) == text
    for other in ({}, {SECRET_KEY: new_key()}):
        with pytest.raises(ConfigError) as caught:
            reveal(text, other)
        assert SECRET_KEY in f"{caught.value.hint}"


def test_without_a_key_both_other_ways_are_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        sealed("p@ss/w", {})

    assert "p@ss" not in f"{caught.value} {caught.value.hint}"
    for way in ("${env:", "${file:", SECRET_KEY):
        assert way in f"{caught.value.hint}"


def test_a_password_may_be_kept_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from file\n")
    reference = f"${{file:{tmp_path}/secret}}"

    assert sealed(reference, {}) == reference
    assert reveal(reference, {}) == "from file"
    assert reveal("${env:CAMERA}", {"CAMERA": "from env"}) == "from env"
    for missing in ("${env:CAMERA}", f"${{file:{tmp_path}/none}}"):
        with pytest.raises(ConfigError):
            reveal(missing, {})


def test_no_password_is_none() -> None:
    assert sealed("", {}) == ""
    assert reveal("", {}) is None


def test_what_lies_in_clear_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        reveal("in clear", KEY)
    assert "in clear" not in caught.value.message


def test_a_key_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match="44 characters"):
        sealed("p", {SECRET_KEY: "short"})
