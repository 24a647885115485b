"""How a client proves who it is, and whom it trusts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Protocol = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True, slots=True)
class Security:
    """What is used on a connection.

    Attributes:
        mechanism, username, password: For the two `sasl_` protocols.
        ca: Certificates of the authorities that are trusted; those of the system by default.
        certificate, key: Our own, where the brokers ask for one.
    """

    protocol: Protocol = "plaintext"
    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def settings(self) -> dict[str, Any]:
        """The settings of kafka-python."""
        settings: dict[str, Any] = {"security_protocol": self.protocol.upper()}
        if self.protocol.startswith("sasl"):
            settings |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        if self.protocol.endswith("ssl"):
            files = {"ssl_cafile": self.ca, "ssl_certfile": self.certificate, "ssl_keyfile": self.key}
            settings |= {name: str(path) for name, path in files.items() if path is not None}
        return settings
