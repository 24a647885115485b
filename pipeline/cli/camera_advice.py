"""What to try when a camera gives no pictures."""

from __future__ import annotations

from pipeline.video.live.options import LiveOptions
from pipeline.video.reader.endings import SENTENCES, Kind

_ADVICE: dict[Kind, str] = {
    "refused": "is RTSP turned on in the camera, and the port right (554 is usual)?",
    "unreachable": "is the camera on, in this network, and the address right? Try: ping HOST",
    "unknown_host": "check the name, or give the IP address",
    "unauthorized": "check --user and --password-file; many cameras have an own user for RTSP or ONVIF, and some lock"
    " an account for half an hour after wrong passwords: do not try often",
    "not_found": "the path differs by maker: look for 'RTSP path' of this model, such as /stream1,"
    " /h264Preview_01_main, /Streaming/Channels/101, /cam/realmonitor?channel=1&subtype=0",
    "busy": "close other viewers and recorders: many cameras allow two to four at once",
    "broken": "restart the camera if it lasts",
    "no_answer": "is this the camera's RTSP port? A firewall between looks like this too; if it hangs, restart it",
    "not_rtsp": "something else listens on this port; RTSP is usually on 554 or 8554",
    "no_video": "choose a stream with H.264, H.265 or MJPEG in the camera's settings",
    "transport": "try --transport udp (or tcp)",
    "tls": "rtsps needs a camera with encryption turned on; try rtsp://",
    "silent": "restart the camera if it lasts; over Wi-Fi, try a cable",
}


def advice(options: LiveOptions, reason: str) -> str:
    """One line on what to try for this reason."""
    kind = next((kind for kind, sentence in SENTENCES.items() if reason.startswith(sentence)), None)
    said = _ADVICE.get(kind, "try again; posebus doctor looks at this machine") if kind else _other(reason)
    if kind == "unauthorized" and options.user is None:
        said = "it wants a user and a password: --user NAME --password-file FILE"
    return said


def _other(reason: str) -> str:
    if "key frame" in reason:
        return "set a key frame interval (GOP, I-frame interval) of two seconds in the camera"
    if "sends nothing" in reason:
        return "over UDP a firewall may drop the pictures: try --transport tcp; else restart the camera"
    return "try again; if it lasts, restart the camera"
