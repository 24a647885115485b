"""Reading the text of a file, and saying why it cannot be read."""

from __future__ import annotations

from pathlib import Path

from pipeline.config.problems import did_you_mean
from pipeline.core.errors import ConfigError


def read_text(path: Path, hint: str = "name a YAML file with --config") -> str:
    """The text of a UTF-8 file. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        folder = path.absolute().parent
        near = [each.name for each in folder.iterdir() if each.is_file()] if folder.is_dir() else []
        raise ConfigError(f"{path}: there is no such file{did_you_mean(path.name, near)}", hint=hint) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: the file is not a text in UTF-8", hint="save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", hint=hint) from error
