"""Passwords of cameras: named by where they are kept, or sealed with the key of the installation. Never in clear."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from pipeline.core.errors import ConfigError

SECRET_KEY = "POSEBUS_SECRET_KEY"
"""Environment variable with the key: the same for whoever adds cameras and whoever reads them."""

_SEALED = "sealed:"
_REFERENCE = re.compile(r"\$\{(env|file):([^}]+)\}")
_BOTH_WAYS = (
    "keep it elsewhere: --password '${env:NAME}' or --password '${file:PATH}' says where the reader of the camera finds"
    f" it; or seal it: set {SECRET_KEY} to what `posebus camera key` prints, for all who add and read cameras"
)


def is_kept_elsewhere(text: str) -> bool:
    """Whether the text says where a password is, instead of being one."""
    return _REFERENCE.fullmatch(text) is not None


def new_key() -> str:
    """A fresh key."""
    return Fernet.generate_key().decode()


def sealed(password: str, environment: Mapping[str, str]) -> str:
    """The password as it may rest: a reference as it is, anything else sealed. Raises ConfigError without a key."""
    if not password or is_kept_elsewhere(password) or password.startswith(_SEALED):
        return password
    box = _box(environment)
    if box is None:
        raise ConfigError("a password of a camera does not rest in clear, and there is no key", hint=_BOTH_WAYS)
    return _SEALED + box.encrypt(password.encode()).decode()


def reveal(text: str, environment: Mapping[str, str]) -> str | None:
    """The password behind what `sealed` gave, None for none. Raises ConfigError; no message holds a password."""
    if not text:
        return None
    found = _REFERENCE.fullmatch(text)
    if found is not None:
        return _from_environment(found[2], environment) if found[1] == "env" else _from_file(Path(found[2]))
    if not text.startswith(_SEALED):
        raise ConfigError("a password of a camera is neither sealed nor kept elsewhere", hint=_BOTH_WAYS)
    box = _box(environment)
    if box is None:
        raise ConfigError("the password is sealed, and there is no key", hint=f"set {SECRET_KEY} as where it was added")
    try:
        return box.decrypt(text.removeprefix(_SEALED).encode()).decode()
    except InvalidToken:
        raise ConfigError(
            "the password was sealed with another key",
            hint=f"set {SECRET_KEY} as where it was added, or give the password again: posebus camera edit",
        ) from None


def _from_environment(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name)
    if not value:
        raise ConfigError(f"the password is in the environment variable {name}, which is not set here")
    return value


def _from_file(path: Path) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"the password is in the file {path}, which cannot be read: {reason}") from error


def _box(environment: Mapping[str, str]) -> Fernet | None:
    key = environment.get(SECRET_KEY, "").strip()
    if not key:
        return None
    try:
        return Fernet(key)
    except ValueError:
        raise ConfigError(
            f"{SECRET_KEY} is no key: expected 44 characters of base64", hint="posebus camera key prints a new one"
        ) from None
