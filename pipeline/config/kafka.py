"""The section of Kafka: where its brokers are, and how they are reached."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, SecretStr, model_validator

from pipeline.config.section import Section

_SERVER = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):(?P<port>\d{1,5})")


def _split(value: Any) -> Any:
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts):
        return tuple(each.strip() for text in texts for each in text.split(",") if each.strip())
    return value


def _servers(servers: tuple[str, ...]) -> tuple[str, ...]:
    for server in servers:
        found = _SERVER.fullmatch(server)
        if found is None or not 0 < int(found["port"]) < 65536:
            raise ValueError("addresses such as broker1:9092, in a list or separated by commas")
    return servers


def _prefix(prefix: str) -> str:
    if not re.fullmatch("[A-Za-z0-9._-]{0,63}", prefix):
        raise ValueError("at most 63 letters, digits, `.`, `_` and `-`")
    return prefix


Servers = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_servers)]
Prefix = Annotated[str, AfterValidator(_prefix)]


class KafkaSecurity(Section):
    """How brokers are spoken to, and who says so."""

    SHORT: ClassVar = "protocol"

    protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    """`ssl` encrypts, `sasl_` shows a name and password; `sasl_plaintext` sends them, like all else, unencrypted."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How name and password are shown to the broker."""

    username: str | None = None
    """Name of the user, for the `sasl_` protocols."""

    password: SecretStr | None = None
    """Password of the user: `${env:NAME}` or `${file:PATH}` keeps it out of this file."""

    ca: Path | None = None
    """File (PEM) of the authorities whose brokers are trusted; those of the system without it."""

    certificate: Path | None = None
    """File (PEM) of our own certificate, where brokers ask for one."""

    key: Path | None = None
    """File (PEM) of its private key."""

    @model_validator(mode="after")
    def _complete(self) -> KafkaSecurity:
        named = self.username is not None, self.password is not None
        if self.protocol.startswith("sasl") and not all(named):
            raise ValueError(f"{self.protocol} needs `username` and `password`")
        if not self.protocol.startswith("sasl") and any(named):
            raise ValueError(f"`username` and `password` mean nothing with the protocol {self.protocol}")
        files = self.ca, self.certificate, self.key
        if not self.protocol.endswith("ssl") and any(file is not None for file in files):
            raise ValueError(f"`ca`, `certificate` and `key` mean nothing with the protocol {self.protocol}")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("`certificate` and `key` belong together")
        return self


class Kafka(Section):
    """The bus of worker processes (`posebus worker`, `posebus up`). Without it everything runs in one process."""

    SHORT: ClassVar = "servers"

    servers: Servers = ()
    """Addresses `host:port` of some brokers, as a list or separated by commas."""

    prefix: Prefix = ""
    """Stands before the name of every topic and group, such as `gym.`: so several installations share a cluster."""

    replication: int | None = None
    """Copies of each partition of the topics that `posebus topics ensure` makes, [1, 15]; without it what the cluster
    does by default. Three brokers and 3 copies survive the loss of one."""

    compression: Literal["gzip", "lz4", "snappy", "zstd"] | None = None
    """What records are compressed with on their way and on disk. All but `gzip` need a package of Python; pictures are
    compressed already, and keypoints hardly shrink."""

    security: KafkaSecurity = KafkaSecurity()
    """How brokers are spoken to, and who says so. A text instead of a section is the protocol."""

    def placed(self, folder: Path) -> Kafka:
        """With absolute paths."""
        files = {
            name: folder / path.expanduser()
            for name in ("ca", "certificate", "key")
            if (path := getattr(self.security, name)) is not None
        }
        return self.model_copy(update={"security": self.security.model_copy(update=files)})
