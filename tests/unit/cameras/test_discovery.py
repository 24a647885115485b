"""Cameras on the network are found by WS-Discovery, here from a responder of our own."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

pytest.importorskip("wsdiscovery")

from pipeline.cameras.discovery import discover

_GROUP, _PORT = "239.255.255.250", 3702
_ANSWER = """<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">
<s:Header><a:MessageID>urn:uuid:11111111-2222-3333-4444-555555555555</a:MessageID><a:RelatesTo>{of}</a:RelatesTo>
<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>
<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action>
<d:AppSequence InstanceId="1" MessageNumber="1"/></s:Header>
<s:Body><d:ProbeMatches><d:ProbeMatch>
<a:EndpointReference><a:Address>urn:uuid:99999999-2222-3333-4444-555555555555</a:Address></a:EndpointReference>
<d:Types>dn:NetworkVideoTransmitter</d:Types>
<d:Scopes>onvif://www.onvif.org/name/Front%20Door onvif://www.onvif.org/hardware/IPC-1</d:Scopes>
<d:XAddrs>http://192.0.2.7/onvif/device_service</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>
</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"""


@pytest.fixture
def camera() -> Iterator[None]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", _PORT))
    try:
        listener.setsockopt(
            socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("4sl", socket.inet_aton(_GROUP), socket.INADDR_ANY)
        )
    except OSError:
        listener.close()
        pytest.skip("multicast: this machine has no network that knows it")
    listener.settimeout(0.2)
    stop = threading.Event()

    def answer() -> None:
        while not stop.is_set():
            try:
                asked, whom = listener.recvfrom(65_535)
            except TimeoutError:
                continue
            message = re.search(rb"MessageID>([^<]+)<", asked)
            if b"Probe" in asked and b"NetworkVideoTransmitter" in asked and message:
                listener.sendto(_ANSWER.format(of=message[1].decode()).encode(), whom)

    thread = threading.Thread(target=answer)
    thread.start()
    yield
    stop.set()
    thread.join()
    listener.close()


@pytest.mark.filterwarnings("ignore")
def test_a_camera_that_answers_is_found(camera: None) -> None:
    found = discover(2.0)

    ours = [each for each in found if each.address == "192.0.2.7"]
    assert [(each.name, each.hardware, each.service) for each in ours] == [
        ("Front Door", "IPC-1", "http://192.0.2.7/onvif/device_service")
    ]
