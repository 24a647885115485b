"""What kafka-python raises, in the words of `pipeline.core.errors`."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kafka import errors

from pipeline.core.errors import BusUnavailable, ConfigError, PosebusError

_DENIED = (
    errors.AuthorizationError,
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
)
_MOVED = (
    errors.CommitFailedError,
    errors.RebalanceInProgressError,
    errors.IllegalGenerationError,
    errors.UnknownMemberIdError,
)


def addresses(servers: Sequence[str]) -> str:
    """The servers as a user reads them."""
    return ", ".join(servers)


@contextmanager
def translated(what: str, servers: Sequence[str]) -> Iterator[None]:
    """Raises BusUnavailable for what passes by itself, ConfigError for what does not."""
    try:
        yield
    except (errors.KafkaError, OSError) as error:
        raise in_our_words(what, error, servers) from error


def in_our_words(what: str, error: BaseException, servers: Sequence[str]) -> PosebusError:
    """The error that says what could not be done."""
    told = f"{what}: {_name(error)}"
    if isinstance(error, errors.FencedInstanceIdError):
        return ConfigError(
            f"{told}: another process has joined with the same instance name",
            hint="give each worker of a group an instance name of its own, or none",
        )
    if isinstance(error, _DENIED):
        return ConfigError(
            f"{told}: Kafka at {addresses(servers)} refuses",
            hint="look at kafka.security, and at the access rules in docs/kafka.md",
        )
    if isinstance(error, _MOVED):
        return BusUnavailable(f"{told}: the group goes on without us", hint="poll, and forget what was revoked")
    return BusUnavailable(f"{told}: Kafka at {addresses(servers)} does not answer as it should", hint=_text(error))


def absent(servers: Sequence[str], timeout_s: float, reason: BaseException) -> PosebusError:
    """Nobody is there, or nobody who lets us in."""
    if isinstance(reason, _DENIED):
        return in_our_words("connecting", reason, servers)
    if isinstance(reason, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(reason):
        return ConfigError(
            f"no secure connection to Kafka at {addresses(servers)}: {_text(reason)}",
            hint="look at kafka.security.ca, and whether the brokers' certificates are for these names",
        )
    if isinstance(reason, FileNotFoundError | PermissionError):
        return ConfigError(f"a file of kafka.security cannot be read: {reason}")
    return BusUnavailable(
        f"no Kafka broker answers at {addresses(servers)} within {timeout_s:g} s",
        hint=f"look at kafka.servers and kafka.security, and whether the broker runs ({_text(reason)})",
    )


def hung_up(reason: BaseException) -> bool:
    """The broker refused who we are, or ended the connection meanwhile: kafka-python does not always hear why."""
    if isinstance(reason, errors.SaslAuthenticationFailedError):
        return True
    return isinstance(reason, errors.KafkaConnectionError) and "disconnected" in str(reason)


def not_let_in(servers: Sequence[str]) -> ConfigError:
    """There is a broker, and it hangs up each time."""
    return ConfigError(
        f"Kafka at {addresses(servers)} refuses: it hangs up while we show who we are",
        hint="look at kafka.security: name, password, mechanism and certificate, and whether the port speaks so",
    )


def _name(error: BaseException) -> str:
    return type(error).__name__


def _text(error: BaseException) -> str:
    text = str(error)
    return text if text.startswith(_name(error)) else f"{_name(error)}: {text}"
