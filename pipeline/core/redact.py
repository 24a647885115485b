"""Takes passwords out of texts before they are shown."""

from __future__ import annotations

import re

HIDDEN = "***"

_SECRET_WORD = r"(?:password|passwd|passphrase|pwd|secret|token|api_?key|credentials?)"
_SECRET_KEY = re.compile(rf"(?:^|[_\W]){_SECRET_WORD}(?:$|[_\W])", re.IGNORECASE)
# A password may hold '@', '/' and ':' unescaped: up to the last '@' of the word all is hidden, rather too much.
_IN_URL = re.compile(r"(?P<before>\b[a-z][a-z0-9+.-]*://[^\s/@:'\"]*:)[^\s'\"]+(?=@)", re.IGNORECASE)
_ASSIGNED = re.compile(
    rf"(?P<before>\b\w*?{_SECRET_WORD}['\"]?\s*(?:=\s*|:\s*(?=['\"])))"
    r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s&;,'\"]+)",
    re.IGNORECASE,
)
_AUTHORIZATION = re.compile(r"(?P<before>\bauthorization['\"]?\s*[:=]\s*['\"]?(?:\w+\s+)?)[^\s'\"]+", re.IGNORECASE)


def redact(text: str) -> str:
    """The text without passwords: those in URLs, in `password=...` of connection strings, in authorization headers."""
    for pattern in (_IN_URL, _ASSIGNED, _AUTHORIZATION):
        text = pattern.sub(rf"\g<before>{HIDDEN}", text)
    return text


def is_secret(name: str) -> bool:
    """Whether a value of this name is never shown: `password`, `webhook_secret`, `api_key` ..."""
    return _SECRET_KEY.search(name) is not None
