"""What FFmpeg is told before it opens a camera, whoever opens it."""

from __future__ import annotations

_PROTOCOLS = "rtsp,rtp,udp,tcp,tls,rtsps,crypto"


def opening(transport: str, tls_verify: bool, ca_file: str | None) -> dict[str, str]:
    """Options of `av.open`: what is sent and received, and whom to trust.

    Args:
        transport: tcp or udp.
        tls_verify: Refuse a certificate that is not trusted or does not fit, before user and password are sent.
        ca_file: Certificates that are trusted, in place of the system's.
    """
    options = {
        "rtsp_transport": transport,
        "allowed_media_types": "video",
        # The list keeps a redirection from sending us to files or other places.
        "protocol_whitelist": _PROTOCOLS,
    }
    if transport == "tcp":
        # Nothing is out of order there, but cameras leave packets out when they cannot send. Only with a queue does
        # FFmpeg look at the numbers of packets, and say that some are missing; without a gap nothing waits in it.
        options["reorder_queue_size"] = "2"
    if tls_verify:
        options["tls_verify"] = "1"
    if ca_file:
        options["ca_file"] = ca_file
    return options
