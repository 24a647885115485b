"""Incidents as signed HTTP posts."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import math
from datetime import UTC, datetime
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_base, wait_exponential, wait_random

from pipeline.core.errors import ConfigError, TransientError
from pipeline.core.records import Record
from pipeline.core.values import Transition
from pipeline.notify.base import DeliveryRefused

SIGNATURE = "X-Posebus-Signature"
IDEMPOTENCY_KEY = "Idempotency-Key"

_LONGEST_WAIT_S = 30.0
_TRY_LATER = (408, 425, 429)


class WebhookChannel:
    """A `Channel` that posts each step as a JSON object.

    The header `Idempotency-Key` tells the receiver what it has already; with a secret, `X-Posebus-Signature` is
    `sha256=` and the hexadecimal HMAC-SHA256 of the body. The URL is never logged or shown but for scheme and host:
    passwords, queries and often paths are secrets.

    Args:
        url: Where to post, http or https.
        secret: Of the signature, or None for no signature.
        name: Of the channel.
        attempts: How often a post is tried at once; TransientError is raised after the last.
        first_wait_s: Wait after the first failure, seconds; it doubles from there to half a minute at most.
        timeout_s: For connecting, and between bytes of the answer, seconds.
    """

    def __init__(
        self,
        url: str,
        secret: str | None = None,
        *,
        name: str = "webhook",
        attempts: int = 3,
        first_wait_s: float = 0.5,
        timeout_s: float = 5.0,
    ) -> None:
        self.name = name
        self._url = _checked(url, name)
        self._shown = f"{self._url.scheme}://{self._url.netloc.decode().rpartition('@')[2]}"
        self._secret = None if secret is None else secret.encode()
        self._timeout_s = timeout_s
        self._retrying = Retrying(
            stop=stop_after_attempt(attempts),
            wait=_AsAsked(wait_exponential(multiplier=first_wait_s) + wait_random(0, first_wait_s)),
            retry=retry_if_exception_type(TransientError),
            reraise=True,
        )

    def __repr__(self) -> str:
        return f"WebhookChannel({self.name!r}, {self._shown!r})"

    def deliver(self, record: Record[Transition], key: str) -> None:
        """Post one step. Raises TransientError and DeliveryRefused."""
        body = json.dumps(content_of(record), separators=(",", ":"), allow_nan=False).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "posebus", IDEMPOTENCY_KEY: key}
        if self._secret is not None:
            headers[SIGNATURE] = signature(self._secret, body)
        # Certificates are always checked; for plain http they need not be read, which takes a tenth of a second.
        with httpx.Client(timeout=self._timeout_s, verify=self._url.scheme == "https") as client:
            self._retrying(self._post, client, body, headers)

    def _post(self, client: httpx.Client, body: bytes, headers: dict[str, str]) -> None:
        try:
            status, answer = self._answer(client, body, headers)
        except httpx.HTTPError as error:
            # No `from error`: its request, and so a traceback's locals, hold the whole URL.
            raise TransientError(f"{self._shown}: {type(error).__name__}", retry_after_s=0.0) from None
        if 200 <= status < 300:
            return
        what = f"{self._shown}: answered {status}, expected 2xx"
        if status >= 500 or status in _TRY_LATER:
            raise TransientError(what, retry_after_s=_seconds(answer.get("Retry-After")))
        raise DeliveryRefused(what, hint="check the webhook's address and what it takes")

    def _answer(self, client: httpx.Client, body: bytes, headers: dict[str, str]) -> tuple[int, httpx.Headers]:
        """Status and headers; the answer's body is of no interest, however long it is."""
        _hide_urls()
        with client.stream("POST", self._url, content=body, headers=headers) as response:
            return response.status_code, response.headers


def content_of(record: Record[Transition]) -> dict[str, Any]:
    """What is posted: the transition with its camera; times in UTC, ISO 8601."""
    step = record.value
    return {
        "incident_id": str(step.incident_id),
        "version": step.version,
        "state": step.state,
        "rule": step.rule,
        "severity": step.severity,
        "camera": record.stamp.camera,
        "run": record.stamp.run,
        "track_id": step.track_id,
        "zone": step.zone or None,
        "started_at": _iso(step.started_at_us),
        "at": _iso(step.at_us),
        "event_id": None if step.event_id is None else str(step.event_id),
        "text": step.text,
        "evidence": {name: value for name, value in step.evidence.items() if math.isfinite(value)},
    }


def signature(secret: bytes, body: bytes) -> str:
    """The value of the signature header: `sha256=` and the HMAC-SHA256 of the body."""
    return f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"


class _AsAsked(wait_base):
    """Waits as long as the receiver asked for, or by `otherwise` if that is longer."""

    def __init__(self, otherwise: wait_base) -> None:
        self._otherwise = otherwise

    def __call__(self, retry_state: RetryCallState) -> float:
        wait_s = self._otherwise(retry_state)
        error = retry_state.outcome.exception() if retry_state.outcome is not None else None
        asked_s = error.retry_after_s if isinstance(error, TransientError) else 0.0
        return min(max(wait_s, asked_s), _LONGEST_WAIT_S)


class _HideUrls(logging.Filter):
    """httpx logs each request with its whole URL: only the host is left."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                f"{arg.scheme}://{arg.host}" if isinstance(arg, httpx.URL) else arg for arg in record.args
            )
        return True


_HIDE_URLS = _HideUrls()


def _hide_urls() -> None:
    """Logging may be set up anew at any time; a filter is added once only."""
    logging.getLogger("httpx").addFilter(_HIDE_URLS)


def _checked(url: str, name: str) -> httpx.URL:
    hint = f"give the webhook {name} an address such as https://example.org/incidents"
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        # No `from error`: it may hold the URL.
        raise ConfigError(f"webhook {name}: the url is no URL", hint=hint) from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError(f"webhook {name}: a url of scheme {parsed.scheme!r}, expected http or https", hint=hint)
    return parsed


def _seconds(retry_after: str | None) -> float:
    """Retry-After in seconds; a date, or nothing, asks for no more than the usual wait."""
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else 0.0


def _iso(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat(timespec="milliseconds")
