"""Opens what an installation is made of, as its configuration says."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from pipeline.bus.kafka import KafkaBus, Security
from pipeline.config import Config
from pipeline.core.errors import ConfigError
from pipeline.runners.faust_app import Cluster

if TYPE_CHECKING:
    from pipeline.codec.registry import SchemaRegistry


def bus_of(config: Config, client: str, *, instance: str | None = None) -> KafkaBus:
    """The bus of worker processes, for a process of this name. Raises ConfigError where none is configured.

    Args:
        instance: The same after a restart (`KafkaBus`).
    """
    kafka = config.kafka
    if not kafka.servers:
        raise ConfigError(
            "no Kafka broker is configured",
            hint="set `kafka: localhost:9092` in the configuration, or POSEBUS_KAFKA_SERVERS; without Kafka, "
            "`posebus run` does all in one process",
        )
    security = kafka.security
    return KafkaBus(
        kafka.servers,
        prefix=kafka.prefix,
        security=Security(
            protocol=security.protocol,
            mechanism=security.mechanism,
            username=security.username,
            password=security.password.get_secret_value() if security.password else None,
            ca=security.ca,
            certificate=security.certificate,
            key=security.key,
        ),
        client=client,
        replication=kafka.replication,
        compression=kafka.compression,
        instance=instance,
    )


def registry_of(config: Config) -> SchemaRegistry | None:
    """The registry of the schemas of records, None where none is configured."""
    section = config.schema_registry
    if section.url is None:
        return None
    from pipeline.codec.registry import SchemaRegistry  # only here: a worker starts 15 % sooner without its HTTP client

    return SchemaRegistry(
        section.url, section.username, section.password.get_secret_value() if section.password else None
    )


def cluster_of(config: Config) -> Cluster:
    """The same brokers as Faust takes them. Raises ConfigError."""
    kafka = config.kafka
    return Cluster(kafka.servers, kafka.prefix, _faust_credentials(config))


def _faust_credentials(config: Config) -> Any:
    security = config.kafka.security
    if security.protocol == "plaintext":
        return None
    import faust

    context = None
    if security.protocol.endswith("ssl"):
        try:
            context = ssl.create_default_context(cafile=None if security.ca is None else str(security.ca))
            if security.certificate is not None and security.key is not None:
                context.load_cert_chain(str(security.certificate), str(security.key))
        except OSError as error:  # ssl.SSLError too
            raise ConfigError(f"kafka.security: {error}", hint="look at `ca`, `certificate` and `key`") from error
    if not security.protocol.startswith("sasl"):
        return faust.SSLCredentials(context)
    password = security.password.get_secret_value() if security.password else None
    return faust.SASLCredentials(
        username=security.username, password=password, ssl_context=context, mechanism=security.mechanism
    )
