"""The section of Kafka in a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config, load_config
from pipeline.core.errors import ConfigError
from pipeline.installation import bus_of


def load(tmp_path: Path, text: str, **environment: str) -> Config:
    file = tmp_path / "posebus.yaml"
    file.write_text(text)
    return load_config(file, environment)


@pytest.mark.parametrize(
    "servers", ["a:1, b:2", "[a:1, b:2]", '["a:1,b:2"]'], ids=["text", "list", "list with a text of two"]
)
def test_servers_are_a_list_or_a_text_with_commas(tmp_path: Path, servers: str) -> None:
    quoted = servers if servers.startswith("[") else f'"{servers}"'

    config = load(tmp_path, f"kafka: {{servers: {quoted}}}")

    assert config.kafka.servers == ("a:1", "b:2")


def test_the_section_may_be_one_address(tmp_path: Path) -> None:
    assert load(tmp_path, "kafka: localhost:9092").kafka.servers == ("localhost:9092",)


def test_a_variable_names_the_servers() -> None:
    assert load_config(None, {"POSEBUS_KAFKA_SERVERS": "a:1,b:2"}).kafka.servers == ("a:1", "b:2")


def test_variables_go_before_a_section_that_is_one_address(tmp_path: Path) -> None:
    kafka = load(tmp_path, "kafka: localhost:9092", POSEBUS_KAFKA_PREFIX="gym.").kafka
    other = load(tmp_path, "kafka: ${env:BROKER}", BROKER="b:1", POSEBUS_KAFKA_SERVERS="a:1").kafka

    assert (kafka.servers, kafka.prefix) == (("localhost:9092",), "gym.")
    assert other.servers == ("a:1",)


def test_the_password_is_filled_in_and_never_shown(tmp_path: Path) -> None:
    text = "kafka: {servers: a:1, security: {protocol: sasl_ssl, username: u, password: '${env:SECRET}', ca: ca.pem}}"

    config = load(tmp_path, text, SECRET="sesame")

    security = config.kafka.security
    assert security.password is not None
    assert security.password.get_secret_value() == "sesame"
    assert "sesame" not in repr(config)
    assert security.ca == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("servers: nowhere", "addresses such as broker1:9092"),
        ("servers: a:70000", "addresses such as broker1:9092"),
        ("prefix: a/b", "at most 63 letters"),
        ("replication: 0", "at least 1"),
        ("compression: zip", "gzip, lz4, snappy, zstd"),
        ("security: {protocol: tls}", "plaintext, ssl, sasl_plaintext, sasl_ssl"),
        ("security: sasl_ssl", "needs `username` and `password`"),
        ("security: {username: a, password: b}", "mean nothing with the protocol plaintext"),
        ("security: {ca: ca.pem}", "mean nothing with the protocol plaintext"),
        ("security: {protocol: ssl, key: key.pem}", "belong together"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(tmp_path, f"kafka:\n  {text}\n")


def test_without_servers_there_is_no_bus() -> None:
    with pytest.raises(ConfigError, match="no Kafka broker is configured"):
        bus_of(Config(), "c")
