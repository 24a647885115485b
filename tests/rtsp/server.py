#!/usr/bin/python3
"""Cameras over RTSP that play files for ever, for tests; runs under the Python of the system, which has GStreamer.

    /usr/bin/python3 tests/rtsp/server.py PORT '{"mounts": {"front": "front.mp4"}, "user": "u", "password": "p"}'

Settings: mounts (name: file), fps (of raw streams without times), user, password, auth (basic, digest), pem
(certificate and key: rtsps), loss (share of RTP packets lost), tcp_only. Says READY when the port listens. All clients
of a mount see the same moment of the file, which follows the clock, as with a camera.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

ROLE = "viewer"
# What makes whole pictures with their parameter sets of a stream, and what puts them into packets.
PARSERS = {
    "video/x-h264": "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au",
    "video/x-h265": "h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au",
    "image/jpeg": "jpegparse",
    "audio/mpeg": "aacparse ! audio/mpeg,mpegversion=4,stream-format=raw",
}
PAYLOADERS = {
    # Parameter sets are in the stream already: the payloader's own would come between the slices of a picture.
    "video/x-h264": "rtph264pay config-interval=0 aggregate-mode=zero-latency",
    "video/x-h265": "rtph265pay config-interval=0 aggregate-mode=zero-latency",
    "image/jpeg": "rtpjpegpay",
    "audio/mpeg": "rtpmp4gpay",
}


class Track:
    """The units of one stream of a file: (pts, dts, data, is a key frame), nanoseconds from 0."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.caps: Any = None
        self.units: list[tuple[int, int, bytes, bool]] = []

    def take(self, sink: Any) -> Any:
        sample = sink.emit("pull-sample")
        self.caps, buffer = sample.get_caps(), sample.get_buffer()
        key = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
        self.units.append((buffer.pts, buffer.dts, buffer.extract_dup(0, buffer.get_size()), key))
        return Gst.FlowReturn.OK


def tracks_of(path: str, fps: float | None) -> list[Track]:
    """Every stream of a file that can be sent, pictures first."""
    pipeline = Gst.parse_launch("filesrc name=file ! parsebin name=parts")
    pipeline.get_by_name("file").set_property("location", path)
    tracks: list[Track] = []

    def added(_: Any, pad: Any) -> None:
        kind = (pad.get_current_caps() or pad.query_caps(None)).get_structure(0).get_name()
        chain = "fakesink async=false"
        if kind in PARSERS:
            chain = f"{PARSERS[kind]} ! appsink name=out sync=false async=false emit-signals=true"
        part = Gst.parse_bin_from_description(chain, True)
        if kind in PARSERS:
            tracks.append(Track(kind))
            part.get_by_name("out").connect("new-sample", tracks[-1].take)
        pipeline.add(part)
        part.sync_state_with_parent()
        pad.link(part.get_static_pad("sink"))

    pipeline.get_by_name("parts").connect("pad-added", added)
    pipeline.set_state(Gst.State.PLAYING)
    end = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if end is None or end.type == Gst.MessageType.ERROR:
        sys.exit(f"{path} cannot be read")
    tracks = sorted((t for t in tracks if t.units), key=lambda track: track.kind.startswith("audio"))
    for track in tracks:
        if fps and not track.kind.startswith("audio"):
            step = int(Gst.SECOND / fps)
            track.units = [(i * step, i * step, data, key) for i, (_, _, data, key) in enumerate(track.units)]
        first = min(unit[0] for unit in track.units)
        track.units = [
            (pts - first, (pts if dts == Gst.CLOCK_TIME_NONE else dts) - first, data, key)
            for pts, dts, data, key in track.units
        ]
    return tracks


class Camera(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """One mount: every unit is sent when its time comes, again and again, with times that only grow."""

    def __init__(self, tracks: list[Track], loss: float, tcp_only: bool) -> None:
        super().__init__()
        self.tracks = tracks
        shown = sorted(unit[0] for unit in tracks[0].units)
        self.length = shown[-1] + shown[-1] // max(len(shown) - 1, 1)
        self.began = time.monotonic_ns()
        lossy = f" ! identity drop-probability={loss} name=pay{{i}}" if loss else " name=pay{i}"
        launch = " ".join(
            f"appsrc name=in{i} is-live=true format=time block=false max-bytes=8000000 ! "
            f"{PAYLOADERS[track.kind]} pt={96 + i}{lossy.format(i=i)}"
            for i, track in enumerate(tracks)
        )
        self.set_launch(f"( {launch} )")
        self.set_shared(True)
        self.set_latency(0)
        if tcp_only:
            self.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
        pool = GstRtspServer.RTSPAddressPool()
        pool.add_range("127.0.0.1", "127.0.0.1", 40000, 49999, 0)
        self.set_address_pool(pool)
        self.connect("media-configure", self.configured)

    def configured(self, _: Any, media: Any) -> None:
        over = threading.Event()
        media.connect("unprepared", lambda *_: over.set())
        position = (time.monotonic_ns() - self.began) % self.length
        keys = [dts for _, dts, _, key in self.tracks[0].units if key] or [0]
        begin = max((dts for dts in keys if dts <= position), default=keys[0])
        for i, track in enumerate(self.tracks):
            source = media.get_element().get_by_name(f"in{i}")
            source.set_property("caps", track.caps)
            threading.Thread(target=self.play, args=(source, track, begin, over), daemon=True).start()

    def play(self, source: Any, track: Track, begin: int, over: threading.Event) -> None:
        # Before the pipeline plays it has no base time, and buffers would be stamped years off.
        while source.get_state(0)[1] != Gst.State.PLAYING or not source.get_base_time():
            if over.wait(0.002):
                return
        base, shift = source.get_base_time(), -begin
        units = [unit for unit in track.units if unit[1] < self.length]
        turn = next((i for i, unit in enumerate(units) if unit[1] >= begin), 0)
        while not over.is_set():
            for pts, dts, data, key in units[turn:]:
                ahead = (base + dts + shift - time.monotonic_ns()) / 1e9
                if ahead > 0 and over.wait(ahead):
                    return
                buffer = Gst.Buffer.new_wrapped(data)
                buffer.pts, buffer.dts = pts + shift, max(dts + shift, 0)
                if not key:
                    buffer.set_flags(Gst.BufferFlags.DELTA_UNIT)
                if source.emit("push-buffer", buffer) not in (Gst.FlowReturn.OK, Gst.FlowReturn.FLUSHING):
                    return
            turn, shift = 0, shift + self.length


def protect(server: Any, settings: dict[str, Any]) -> None:
    """Ask for a password, encrypt, or both."""
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    auth = GstRtspServer.RTSPAuth()
    if settings.get("pem"):
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(settings["pem"]))
    user, password = settings.get("user"), settings.get("password", "")
    if not user:
        auth.set_default_token(token)
    elif settings.get("auth") == "basic":
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    server.set_auth(auth)


def main() -> None:
    port, settings = sys.argv[1], json.loads(sys.argv[2])
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    guarded = bool(settings.get("user") or settings.get("pem"))
    if guarded:
        protect(server, settings)
    loaded: dict[str, list[Track]] = {}
    for name, path in settings["mounts"].items():
        if path not in loaded:
            loaded[path] = tracks_of(path, settings.get("fps") if Path(path).suffix in (".h264", ".h265") else None)
        camera = Camera(loaded[path], settings.get("loss", 0.0), settings.get("tcp_only", False))
        if guarded:
            rights = GstRtspServer.RTSPPermissions()
            rights.add_permission_for_role(ROLE, "media.factory.access", True)
            rights.add_permission_for_role(ROLE, "media.factory.construct", True)
            camera.set_permissions(rights)
        server.get_mount_points().add_factory(f"/{name}", camera)
    until = time.monotonic() + 5
    while not server.attach(None):  # the one before us may still be dying
        if time.monotonic() > until:
            sys.exit(f"port {port} is taken")
        time.sleep(0.02)
    loop = GLib.MainLoop()
    GLib.timeout_add_seconds(2, lambda: server.get_session_pool().cleanup() >= 0)
    GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGTERM, loop.quit)
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    loop.run()


if __name__ == "__main__":
    main()
