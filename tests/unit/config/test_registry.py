"""The section of the schema registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.core.errors import ConfigError
from pipeline.installation import registry_of


def test_the_section_may_be_one_address_and_a_variable_names_it_too(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("schema_registry: http://registry:8081/\n")

    assert load_config(file, {}).schema_registry.url == "http://registry:8081"
    named = load_config(None, {"POSEBUS_SCHEMA_REGISTRY_URL": "https://other/apis/ccompat/v7"})
    made = registry_of(named)
    assert made is not None
    assert made.url == "https://other/apis/ccompat/v7"


def test_without_an_address_there_is_none() -> None:
    assert registry_of(load_config(None, {})) is None


def test_the_password_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("schema_registry: {url: 'http://r:1', username: ann, password: '${env:SECRET}'}\n")

    config = load_config(file, {"SECRET": "hunter2-xyzzy"})

    assert config.schema_registry.password is not None
    assert config.schema_registry.password.get_secret_value() == "hunter2-xyzzy"
    assert "hunter2" not in repr(config) + repr(registry_of(config))


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("registry:8081", "an address such as http://registry:8081"),
        ("'http://ann:hunter2-xyzzy@r:1'", "belongs into `username` and `password`"),
        ("{url: 'http://r:1', username: ann}", "`username` and `password` belong together"),
        ("{username: ann, password: '${env:SECRET}'}", "mean nothing without `url`"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, section: str, said: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"schema_registry: {section}\n")

    with pytest.raises(ConfigError, match=said) as refused:
        load_config(file, {"SECRET": "hunter2-xyzzy"})
    assert "hunter2" not in str(refused.value)
