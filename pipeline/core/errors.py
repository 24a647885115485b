"""What can go wrong, named by what the runner does about it.

PosebusError
+-- ConfigError             stops the program at the start: the user's words cannot be carried out
|   +-- SourceError         a file, folder, scene or camera that cannot be read
+-- InvalidRecord           goes to the dead letters; past a limit it stops the worker
|   +-- DecodeError         the bytes are not what their schema says
|   +-- SchemaError         the schema is unknown or not the one of this topic
+-- DeadLetterLimit         stops the worker: nothing but invalid records arrives
+-- TransientError          is tried again after `retry_after_s`
|   +-- BusUnavailable
|   +-- SinkUnavailable
+-- ModelError              stops the worker: the model file or its runtime is not usable
+-- StateError              stops the worker: the saved state cannot be taken up
+-- DatabaseError           stops the program: the database refuses, and waiting will not help
"""

from __future__ import annotations


class PosebusError(Exception):
    """Base of all errors that carry a sentence for the user.

    Args:
        message: What was found and what was expected, one sentence without a full stop at its end.
        hint: What to do about it, or None when we do not know.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, dict(self.__dict__)))


def _rebuild(cls: type[PosebusError], message: str, attributes: dict[str, object]) -> PosebusError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.__dict__.update(attributes)
    return error


class ConfigError(PosebusError):
    """The user's words cannot be carried out: stop at the start and say which word."""

    exit_code = 2


class SourceError(ConfigError):
    """A file, folder, simulated scene or camera that cannot be read."""

    exit_code = 3


class InvalidRecord(PosebusError):
    """A record that this stage cannot use: it goes to the dead letters and the stream goes on."""

    exit_code = 6


class DecodeError(InvalidRecord):
    """The bytes of a record are not what their schema says."""


class SchemaError(InvalidRecord):
    """The schema of a record is unknown, or is not the one of its topic."""


class DeadLetterLimit(PosebusError):
    """Nothing but invalid records arrives: stop, something is wrong with whoever writes them."""

    exit_code = 6


class TransientError(PosebusError):
    """Something that passes by itself: try again after `retry_after_s`."""

    def __init__(self, message: str, *, retry_after_s: float = 1.0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class BusUnavailable(TransientError):
    """The bus did not take or give records in time, or a send failed."""


class SinkUnavailable(TransientError):
    """The sink did not take rows in time."""

    exit_code = 4


class ModelError(PosebusError):
    """A model file or its runtime is not usable: stop and say what to do."""

    exit_code = 5


class StateError(PosebusError):
    """Saved state cannot be taken up: stop and say what to do."""

    exit_code = 6


class DatabaseError(PosebusError):
    """The database refuses (address, password, schema version): waiting will not help."""

    exit_code = 4
