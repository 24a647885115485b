"""Encrypted connections, names and passwords, certificates and access rules on a real broker."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from pipeline.bus.kafka import KafkaBus, Security
from pipeline.core.errors import ConfigError, PosebusError
from pipeline.core.ports import Outgoing, TopicPartition, TopicSpec
from tests.broker import Cluster
from tests.broker.certificates import Authority
from tests.broker.fixtures import needs_broker
from tests.integration.kafka.members import commit, poll_for, send

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")
"""kafka-python 3.0.12 leaves sockets whose handshake has failed to the garbage collector."""

PASSWORD = "open-sesame-42"
ACCESS = {
    ResourceType.TOPIC: (
        ACLOperation.READ,
        ACLOperation.WRITE,
        ACLOperation.DESCRIBE,
        ACLOperation.DESCRIBE_CONFIGS,
    ),
    ResourceType.GROUP: (ACLOperation.READ,),
}
"""What docs/kafka.md tells to allow a worker, on names with the prefix."""


class Secured:
    """A broker with every kind of listener; anonymous users of PLAINTEXT are its administrators."""

    def __init__(self, cluster: Cluster, authority: Authority) -> None:
        self.cluster = cluster
        self.authority = authority
        self.certificate, self.key = authority.issue("worker")

    def bus(self, listener: str, security: Security, prefix: str = "gym.") -> KafkaBus:
        address = self.cluster[0].addresses[listener]
        return KafkaBus([address], prefix=prefix, security=security, timeout_s=6.0)

    def security(self, kind: str) -> Security:
        if kind == "ssl":
            return Security("ssl", ca=self.authority.file, certificate=self.certificate, key=self.key)
        protocol, mechanism = kind.split("/")
        ca = self.authority.file if protocol == "sasl_ssl" else None
        return Security(protocol, mechanism, "worker", PASSWORD, ca)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    needs_broker()
    folder = tmp_path_factory.mktemp("secured")
    authority = Authority(folder)
    certificate, key = authority.issue("localhost")
    store = folder / "broker.pem"
    store.write_bytes(key.read_bytes() + certificate.read_bytes())
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    config: dict[str, Any] = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": store,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": authority.file,
        "listener.name.ssl.ssl.client.auth": "required",
        "listener.name.ssl.ssl.principal.mapping.rules": "RULE:^CN=(.*?)$/$1/",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    for listener in ("sasl_ssl", "sasl_plaintext"):
        config[f"listener.name.{listener}.plain.sasl.jaas.config"] = f'{plain} user_worker="{PASSWORD}";'
        config[f"listener.name.{listener}.scram-sha-256.sasl.jaas.config"] = scram
        config[f"listener.name.{listener}.scram-sha-512.sasl.jaas.config"] = scram
    with Cluster(listeners=("SSL", "SASL_SSL", "SASL_PLAINTEXT"), config=config) as cluster:
        admin = KafkaAdminClient(bootstrap_servers=cluster.servers)
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            made = admin.alter_user_scram_credentials([UserScramCredentialUpsertion("worker", mechanism, PASSWORD)])
            assert made == {"worker": None}
        admin.create_acls(
            [
                ACL(
                    "User:worker",
                    "*",
                    operation,
                    ACLPermissionType.ALLOW,
                    ResourcePattern(kind, "gym.", ACLResourcePatternType.PREFIXED),
                )
                for kind, operations in ACCESS.items()
                for operation in operations
            ]
        )
        admin.close()
        operator = KafkaBus(cluster.servers, prefix="gym.")
        operator.ensure([TopicSpec("t", 2, max_message_bytes=5000)])
        operator.close()
        other = KafkaBus(cluster.servers, prefix="bank.")
        other.ensure([TopicSpec("t")])
        other.close()
        yield Secured(cluster, authority)


@pytest.mark.parametrize(
    "kind",
    [
        "ssl",
        "sasl_ssl/PLAIN",
        "sasl_ssl/SCRAM-SHA-256",
        "sasl_ssl/SCRAM-SHA-512",
        "sasl_plaintext/SCRAM-SHA-512",
    ],
)
def test_a_worker_does_all_it_has_to(
    secured: Secured, kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    security = secured.security(kind)
    bus = secured.bus(kind.split("/")[0].upper(), security)
    group = kind.replace("/", "-")

    send(bus, "t", 0, [b"by %s" % kind.encode()])
    consumer = bus.consumer("c", group, ["t"])
    records = poll_for(consumer, lambda records: any(kind.encode() in (r.value or b"") for r in records), 20.0)
    commit(consumer, {TopicPartition("t", 0): records[-1].offset + 1})
    stored = list(bus.read("t", frozenset({0, 1})))
    behind = {backlog.partition: backlog.records for backlog in bus.backlogs([group])}
    bus.close()

    assert stored[-1].value == b"by %s" % kind.encode()
    assert behind == {0: 0}
    assert PASSWORD not in caplog.text + "".join(capfd.readouterr()) + repr(security)


@pytest.mark.parametrize("kind", ["sasl_ssl/PLAIN", "sasl_ssl/SCRAM-SHA-512"])
def test_a_wrong_password_is_a_config_error_that_does_not_show_it(secured: Secured, kind: str) -> None:
    protocol, mechanism = kind.split("/")
    security = Security(protocol, mechanism, "worker", "wrong-one", secured.authority.file)  # type: ignore[arg-type]
    bus = secured.bus("SASL_SSL", security)

    with pytest.raises(ConfigError, match="refuses") as refused:
        bus.topic_id("t")

    assert "wrong-one" not in repr(refused.value) + str(refused.value.hint)
    assert "kafka.security" in str(refused.value.hint)


def test_a_broker_of_an_unknown_authority_is_refused(secured: Secured, tmp_path: Path) -> None:
    bus = secured.bus("SASL_SSL", Security("sasl_ssl", "PLAIN", "worker", PASSWORD, Authority(tmp_path).file))

    with pytest.raises(PosebusError, match=r"certificate|no Kafka broker answers"):
        bus.topic_id("t")


def test_a_file_of_certificates_that_is_not_there_is_a_config_error(secured: Secured, tmp_path: Path) -> None:
    bus = secured.bus("SSL", Security("ssl", ca=tmp_path / "nowhere.pem"))

    with pytest.raises(ConfigError, match="No such file"):
        bus.topic_id("t")


def test_topics_of_others_are_refused(secured: Secured) -> None:
    bus = secured.bus("SASL_SSL", secured.security("sasl_ssl/PLAIN"), prefix="bank.")

    with pytest.raises(ConfigError, match="refuses"):
        bus.consumer("c", "g", ["t"])
    with pytest.raises(ConfigError):
        bus.producer("p").send(Outgoing("t", 0, b"k", b"v"))
    bus.close()
