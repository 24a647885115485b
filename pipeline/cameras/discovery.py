"""Finding cameras on the local network: ONVIF WS-Discovery, with the optional package WSDiscovery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from pipeline.core.errors import ConfigError

_ONVIF = "http://www.onvif.org/ver10/network/wsdl"
_SCOPE = "onvif://www.onvif.org/"


@dataclass(frozen=True, slots=True)
class Discovered:
    """A device that says it sends video.

    Attributes:
        address: Host or IP address.
        name, hardware: As it calls itself; empty where it does not say.
        service: Where its ONVIF service is.
    """

    address: str
    name: str
    hardware: str
    service: str


def discover(seconds: float) -> Sequence[Discovered]:
    """Ask the network and listen for so long. Raises ConfigError without the package."""
    try:
        from wsdiscovery import QName
        from wsdiscovery.discovery import ThreadedWSDiscovery
    except ImportError as error:
        raise ConfigError("finding cameras needs a package", hint="pip install 'posebus[discover]'") from error
    asking = ThreadedWSDiscovery()
    asking.start()
    try:
        services = asking.searchServices(types=[QName(_ONVIF, "NetworkVideoTransmitter")], timeout=seconds)
        found = {entry.service: entry for service in services for entry in _cameras(service)}
    finally:
        asking.stop()
    return sorted(found.values(), key=lambda entry: entry.service)


def _cameras(service: Any) -> list[Discovered]:
    scopes = [str(scope.getValue()) for scope in service.getScopes()]
    entries = []
    for text in service.getXAddrs():
        host = urlsplit(text).hostname
        if host:
            entries.append(Discovered(host, _scope(scopes, "name"), _scope(scopes, "hardware"), text))
    return entries


def _scope(scopes: Sequence[str], word: str) -> str:
    start = f"{_SCOPE}{word}/"
    return next((unquote(scope.removeprefix(start)) for scope in scopes if scope.startswith(start)), "")
