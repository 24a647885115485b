"""How a connection to a camera ends or fails to begin, in words without a password."""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from av import error as fault

from pipeline.core.redact import HIDDEN, redact

Kind = Literal[
    "ended",
    "reset",
    "silent",
    "refused",
    "unreachable",
    "unknown_host",
    "unauthorized",
    "not_found",
    "busy",
    "broken",
    "no_answer",
    "not_rtsp",
    "no_video",
    "transport",
    "tls",
    "other",
]

SENTENCES: dict[Kind, str] = {
    "ended": "the camera ended the stream",
    "reset": "the camera cut the connection",
    "silent": "nothing came any more",
    "refused": "nothing listens at this address",
    "unreachable": "no way to this address",
    "unknown_host": "the name of the host is not known",
    "unauthorized": "the camera refuses this user and password",
    "not_found": "the camera knows no such path",
    "busy": "the camera has no connection left",
    "broken": "the camera cannot do it now",
    "no_answer": "the camera does not answer",
    "not_rtsp": "what answers there speaks no RTSP",
    "no_video": "there are no pictures in the stream that can be decoded",
    "transport": "the camera does not offer this transport",
    "tls": "no encrypted connection",
    "other": "opening the camera failed",
}

_STATUS = re.compile(r"method \w+ failed: (\d{3})")
_REFUSALS: dict[int, Kind] = {
    401: "unauthorized",
    403: "unauthorized",
    404: "not_found",
    453: "busy",
    454: "busy",
    461: "transport",
}


def ending_of(error: BaseException, lines: Sequence[str], address: str, *, begun: bool) -> dict[str, str]:
    """Kind and text of a failure.

    Args:
        error: What FFmpeg raised. Its own text holds the address with its password.
        lines: What it logged before.
        begun: Data had come before.
    """
    status = next((int(found[1]) for line in reversed(lines) if (found := _STATUS.search(line))), None)
    kind = _kind(error, status, " ".join(lines), address)
    if begun and kind in ("no_answer", "tls", "other"):
        kind = "silent"
    detail = f" ({status})" if status is not None else ""
    if kind == "other":
        detail = f" ({without_secrets(getattr(error, 'strerror', None) or type(error).__name__, address)})"
    return {"kind": kind, "text": SENTENCES[kind] + detail}


def no_video() -> dict[str, str]:
    """Kind and text of a stream without pictures."""
    return {"kind": "no_video", "text": SENTENCES["no_video"]}


def no_answer() -> dict[str, str]:
    """Kind and text of a camera that let the time pass."""
    return {"kind": "no_answer", "text": SENTENCES["no_answer"]}


def without_secrets(text: str, address: str) -> str:
    """The text without the password of this address, however it is written there."""
    password = urlsplit(address).password
    for secret in {password, unquote(password), quote(unquote(password), safe="")} if password else ():
        text = text.replace(secret, HIDDEN)
    return redact(text)


def _kind(error: BaseException, status: int | None, said: str, address: str) -> Kind:
    if status in _REFUSALS:
        return _REFUSALS[status]
    if isinstance(error, fault.HTTPUnauthorizedError | fault.HTTPForbiddenError):
        return "unauthorized"
    if isinstance(error, fault.HTTPNotFoundError):
        return "not_found"
    if status is not None or isinstance(error, fault.HTTPError):
        return "broken"
    if isinstance(error, fault.ExitError | fault.TimeoutError):
        return "no_answer"
    if isinstance(error, fault.ConnectionRefusedError):
        return "refused"
    if isinstance(error, fault.ConnectionResetError | fault.BrokenPipeError):
        return "reset"
    number = getattr(error, "errno", None)
    if "Failed to resolve hostname" in said:
        return "unknown_host"
    if number in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN):
        return "unreachable"
    if number == errno.EPROTONOSUPPORT:
        return "transport"
    if number == errno.EIO and address.startswith("rtsps"):
        return "tls"
    if isinstance(error, fault.InvalidDataError):
        return "not_rtsp" if said else "no_answer"
    if isinstance(error, fault.EOFError):
        return "ended"
    return "other"
