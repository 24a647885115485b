"""The faults: a script each. A script fails by an exception; all run at the same time, on cameras of their own."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

import av
import numpy as np

from tests.faults.arena import BACK_S, PASSWORD, Arena
from tests.rtsp import clips
from tests.rtsp.cameras import CameraServer, free_port
from tests.rtsp.watch import Watch

SCRIPTS: dict[str, Callable[[Arena], None]] = {}
SEEN_S = 3.0
_LOADED_S = 1.0
"""What a machine with two cores adds while thirty of these run at once."""


def script(work: Callable[[Arena], None]) -> Callable[[Arena], None]:
    SCRIPTS[work.__name__] = work
    return work


def _times_grow(watch: Watch) -> None:
    events = [event for _, _, event in watch.pictures]
    assert all(a < b for a, b in itertools.pairwise(events)), "event time went back"


def _back_in_time(watch: Watch, limit_s: float = BACK_S, *, after: int | None = None) -> None:
    """A picture comes in time from now on, over a later connection than number `after`."""
    before = len(watch.pictures)
    took = watch.wait(lambda: any(p.connection > (after or 0) for _, p, _ in watch.pictures[before:]), 20, "a picture")
    assert took <= limit_s + _LOADED_S, f"{took:.1f} s until the next picture, expected {limit_s} s"
    assert watch.state == "live"
    _times_grow(watch)


def _connections(watch: Watch) -> list[int]:
    return list(dict.fromkeys(picture.connection for _, picture, _ in watch.pictures))


# -- not let in ------------------------------------------------------------------------------------------------------


@script
def refuse(arena: Arena) -> None:
    proxy = arena.proxy()
    watch = arena.watch(proxy.url("h264"))
    watch.wait_pictures()
    proxy.refuse()
    watch.wait_state("waiting")
    time.sleep(4)
    assert "nothing listens at this address" in watch.reasons()
    proxy.listen()
    _back_in_time(watch)
    assert len(_connections(watch)) == 2


@script
def say_nothing(arena: Arena) -> None:
    proxy = arena.proxy()
    proxy.mute()
    watch = arena.watch(proxy.url("h264"))
    watch.wait_state("waiting", 20)
    assert "the camera does not answer" in watch.reasons()
    time.sleep(2)
    proxy.mute(False)
    # One try may be under way whose connection stays mute.
    _back_in_time(watch, BACK_S + 1.5)


def _answers(arena: Arena, status: str, state: str, said: str) -> None:
    proxy = arena.proxy()
    watch = arena.watch(proxy.url("h264"))
    watch.wait_pictures()
    proxy.answer(status)
    proxy.reset()
    watch.wait(lambda: any(said in reason for reason in watch.reasons()), 10, said)
    assert state in watch.states()
    time.sleep(2)
    proxy.answer(None)
    proxy.finish()
    _back_in_time(watch, after=1)


@script
def no_connection_left_453(arena: Arena) -> None:
    _answers(arena, "453 Not Enough Bandwidth", "waiting", "no connection left (453)")


@script
def broken_500(arena: Arena) -> None:
    _answers(arena, "500 Internal Server Error", "waiting", "cannot do it now (500)")


@script
def unavailable_503(arena: Arena) -> None:
    _answers(arena, "503 Service Unavailable", "waiting", "cannot do it now (503)")


@script
def not_found_404(arena: Arena) -> None:
    _answers(arena, "404 Not Found", "failed", "no such path (404)")


@script
def wrong_path(arena: Arena) -> None:
    watch = arena.watch(arena.main.url("nowhere"))
    watch.wait_state("failed")
    assert "no such path" in watch.reasons()[-1]


@script
def wrong_password(arena: Arena) -> None:
    server = arena.server({"x": arena.files["h264"]}, user="viewer", password=PASSWORD, auth="digest")
    proxy = arena.proxy(server)
    watch = arena.watch(proxy.url("x"), user="viewer", password="wr0ng/secret")
    watch.wait_state("unauthorized")
    time.sleep(6)
    assert proxy.connections == 1, "cameras lock accounts"
    assert watch.changes[-1][1].retry_in_s is not None
    assert watch.changes[-1][1].retry_in_s > 20
    assert not any("wr0ng" in reason for reason in watch.reasons())


@script
def unknown_host(arena: Arena) -> None:
    watch = arena.watch("rtsp://camera.invalid/x")
    watch.wait_state("waiting", 15)
    # A resolver that is not there may keep silent as long as we wait.
    assert watch.reasons()[-1] in ("the name of the host is not known", "the camera does not answer")


@script
def wrong_transport(arena: Arena) -> None:
    server = arena.server({"x": arena.files["h264"]}, tcp_only=True)
    watch = arena.watch(server.url("x"), transport="udp")
    watch.wait_state("failed")
    assert "does not offer this transport" in watch.reasons()[-1]


# -- lost ------------------------------------------------------------------------------------------------------------


@script
def cut_with_rst(arena: Arena) -> None:
    proxy = arena.proxy()
    watch = arena.watch(proxy.url("mjpeg"))
    watch.wait_pictures()
    proxy.reset()
    _back_in_time(watch, after=1)
    assert len(_connections(watch)) == 2


@script
def cut_with_fin(arena: Arena) -> None:
    proxy = arena.proxy()
    watch = arena.watch(proxy.url("h264"))
    watch.wait_pictures()
    proxy.finish()
    _back_in_time(watch, after=1)
    assert "waiting" in watch.states()


def _silent(watch: Watch, silence: Callable[[], None], end: Callable[[], None], pictures: int = 3) -> None:
    watch.wait_pictures(pictures)
    began = time.monotonic()
    silence()
    watch.wait(lambda: "stalled" in watch.states(began), 10, "stalled")
    assert time.monotonic() - began <= SEEN_S, "seen too late"
    watch.wait(lambda: "waiting" in watch.states(began), 10, "waiting")
    time.sleep(2)
    # FFmpeg holds a picture back, and gives it when it gives up: that is no sign of life.
    late = [when - began for when, _, _ in watch.pictures if when > began + SEEN_S]
    assert not late, f"pictures {late} s after the camera fell silent: {watch.changes[-4:]}"
    end()
    _back_in_time(watch, BACK_S + 1.5)


@script
def frozen_with_reports_alive(arena: Arena) -> None:
    proxy = arena.proxy()
    _silent(arena.watch(proxy.url("audio")), proxy.freeze, proxy.go_on)


@script
def stalled_network(arena: Arena) -> None:
    proxy = arena.proxy()
    _silent(arena.watch(proxy.url("h264")), proxy.stall, proxy.go_on)


@script
def stopped_process(arena: Arena) -> None:
    server = arena.server({"x": arena.files["h264"]})
    _silent(arena.watch(server.url("x")), server.pause, server.go_on)


@script
def stall_after_a_slow_beginning(arena: Arena) -> None:
    """The first gap of a connection is no measure of what silence a camera may keep."""
    proxy = arena.proxy()
    watch = arena.watch(proxy.url("h264"))
    watch.wait_pictures(1)
    proxy.freeze()
    time.sleep(1.8)
    proxy.go_on()
    watch.wait_pictures(1)
    _silent(watch, proxy.freeze, proxy.go_on, pictures=0)


@script
def thinned_out_to_one_in_five_seconds(arena: Arena) -> None:
    """The stall clock runs on what the camera sends, not on what is kept of it."""
    proxy = arena.proxy()
    watch = arena.watch(proxy.url("h264"), fps=0.2)
    watch.wait_pictures(3, 20)
    assert watch.states() == ["connecting", "live"]
    assert len(_connections(watch)) == 1
    _silent(watch, proxy.freeze, proxy.go_on, pictures=0)


@script
def short_stall_goes_on(arena: Arena) -> None:
    proxy = arena.proxy()
    watch = arena.watch(proxy.url("h264"))
    watch.wait_pictures()
    proxy.stall()
    watch.wait_state("stalled")
    proxy.go_on()
    _back_in_time(watch)
    assert len(_connections(watch)) == 1


@script
def reboot_with_other_codec_size_and_rate(arena: Arena) -> None:
    server: CameraServer = arena.server({"x": arena.files["h264"]})
    watch = arena.watch(server.url("x"), keep=True)
    watch.wait_pictures()
    server.kill()
    watch.wait_state("waiting")
    other = clips.write(arena.folder / "other.mp4", "libx265", fps=5, gop=5, size=(480, 288), pictures=20)
    server.change({"x": other})
    time.sleep(2)
    server.start()
    _back_in_time(watch)
    watch.wait_pictures(10, 10)
    assert watch.pictures[-1][1].pixels.shape == (288, 480, 3)
    assert watch.camera.health.codec == "hevc"
    assert 4 < watch.camera.health.fps < 7
    _times_grow(watch)


# -- damaged, and odd ------------------------------------------------------------------------------------------------


def _true_pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def _visibly_wrong(pixels: np.ndarray, truth: list[np.ndarray]) -> bool:
    """Whether some block of 16 x 16 pixels differs from every whole picture by more than the eye overlooks."""
    height, width = pixels.shape[0] // 16 * 16, pixels.shape[1] // 16 * 16
    for whole in truth:
        apart = np.abs(pixels[:height, :width].astype(np.int16) - whole[:height, :width]).mean(axis=2)
        if apart.reshape(height // 16, 16, width // 16, 16).mean(axis=(1, 3)).max() < 6:
            return False
    return True


_MISSED = {"h264": 0.1, "b_frames": 0.1, "h265": 0.2}
"""Share of the visibly wrong pictures of a codec that may pass as whole."""


def _few_pass(arena: Arena, watches: Sequence[Watch], codec: str) -> None:
    truth = _true_pictures(arena.files[codec])
    pictures = [picture for watch in watches for _, picture, _ in watch.pictures if picture.pixels is not None]
    wrong = [picture for picture in pictures if _visibly_wrong(picture.pixels, truth)]
    assert any(picture.suspect for picture in pictures), "nothing was damaged"
    missed = sum(not picture.suspect for picture in wrong)
    found = f"{missed} of {len(wrong)} damaged pictures of {codec} pass as whole"
    sys.stderr.write(f"{found}\n")
    assert missed <= _MISSED[codec] * len(wrong), found


def _damaged(arena: Arena, codec: str, flip: float, drop: float, seeds: Sequence[int] = (7,)) -> None:
    proxies = [arena.proxy(seed=seed) for seed in seeds]
    watches = [arena.watch(proxy.url(codec), keep=True) for proxy in proxies]
    for watch, proxy in zip(watches, proxies, strict=True):
        watch.wait_pictures(10)
        assert not any(picture.suspect for _, picture, _ in watch.pictures)
        proxy.damage(flip, drop)
    for watch, proxy in zip(watches, proxies, strict=True):
        watch.wait_pictures(120, 60)
        proxy.damage()
    _few_pass(arena, watches, codec)
    for watch in watches:
        watch.wait_pictures(5, 10, suspect=False)


@script
def lost_packets(arena: Arena) -> None:
    _damaged(arena, "h264", flip=0.0, drop=0.02)


@script
def lost_packets_of_b_frames(arena: Arena) -> None:
    _damaged(arena, "b_frames", flip=0.0, drop=0.02)


@script
def lost_packets_of_h265(arena: Arena) -> None:
    _damaged(arena, "h265", flip=0.0, drop=0.02)


@script
def corrupted_bytes(arena: Arena) -> None:
    # Not of H.265, whose decoder makes some picture of any bytes. Checksums of TCP and UDP turn such damage into loss.
    # Whole groups of pictures pass or none: how many depends much on which bytes change, so seeds count together.
    _damaged(arena, "h264", flip=0.04, drop=0.0, seeds=(7, 8, 9, 10))


def _lossy(arena: Arena, codec: str) -> None:
    server = arena.server({"x": arena.files[codec]}, loss=0.03)
    watch = arena.watch(server.url("x"), transport="udp", keep=True)
    watch.wait_pictures(80, 30)
    assert not all(picture.suspect for _, picture, _ in watch.pictures)
    assert len(_connections(watch)) == 1
    _few_pass(arena, [watch], codec)


@script
def loss_over_udp(arena: Arena) -> None:
    _lossy(arena, "h264")


@script
def loss_over_udp_of_h265(arena: Arena) -> None:
    _lossy(arena, "h265")


@script
def resolution_changes(arena: Arena) -> None:
    watch = arena.watch(arena.main.url("sizes"), keep=True)
    watch.wait_pictures(50, 15)
    sizes = [picture.pixels.shape for _, picture, _ in watch.pictures if picture.pixels is not None]
    assert {(192, 320, 3), (288, 480, 3)} == set(sizes)
    assert len(_connections(watch)) == 1
    read = [clips.number_of(picture.pixels) for _, picture, _ in watch.pictures if picture.pixels is not None]
    assert all((a + 1) % clips.PICTURES == b for a, b in itertools.pairwise(read)), read


@script
def media_time_jumps_and_wraps(arena: Arena) -> None:
    proxy = arena.proxy()
    watch = arena.watch(proxy.url("h264"))
    watch.wait_pictures(10)
    for ticks in (-900_000, 2**31, 2**31, 450_000):
        proxy.jump_media_time(ticks)
        watch.wait_pictures(8)
    assert watch.camera.health.overwritten == 0, "pictures were taken for late"
    _times_grow(watch)
    events, arrivals = zip(*((event, p.arrived_at_us) for _, p, event in watch.pictures), strict=True)
    assert max(abs(e - a) for e, a in zip(events, arrivals, strict=True)) < 1_500_000


@script
def camera_clock_is_off_and_steps(arena: Arena) -> None:
    proxy = arena.proxy()
    proxy.set_camera_clock(3600)
    watch = arena.watch(proxy.url("h264"))
    watch.wait_pictures(40, 12)
    assert set(watch.clocks) == {"arrival"}
    proxy.set_camera_clock(0)
    watch.wait(lambda: watch.clocks[-1] == "rtcp", 20, "the camera's clock")
    proxy.set_camera_clock(-3600)
    watch.wait(lambda: watch.clocks[-1] == "arrival", 12, "the clock of arrival")
    _times_grow(watch)
    apart = [abs(event - picture.arrived_at_us) for _, picture, event in watch.pictures]
    assert np.percentile(apart, 90) < 1_500_000  # an hour off is what is not believed; a busy machine is late too
    steps = np.diff([event for _, _, event in watch.pictures])
    assert np.percentile(steps, 95) < 200_000


def _plays(arena: Arena, watch: Watch) -> None:
    watch.wait_pictures(20, 12)
    read = [clips.number_of(picture.pixels) for _, picture, _ in watch.pictures if picture.pixels is not None]
    assert all((a + 1) % clips.PICTURES == b for a, b in itertools.pairwise(read)), read
    assert not any(picture.suspect for _, picture, _ in watch.pictures)
    _times_grow(watch)


@script
def b_frames(arena: Arena) -> None:
    _plays(arena, arena.watch(arena.main.url("b_frames"), keep=True))


@script
def h265(arena: Arena) -> None:
    _plays(arena, arena.watch(arena.main.url("h265"), keep=True))


@script
def mjpeg(arena: Arena) -> None:
    _plays(arena, arena.watch(arena.main.url("mjpeg"), keep=True))


@script
def audio_beside(arena: Arena) -> None:
    _plays(arena, arena.watch(arena.main.url("audio"), keep=True))


@script
def over_udp(arena: Arena) -> None:
    _plays(arena, arena.watch(arena.main.url("h264"), keep=True, transport="udp"))


@script
def thinned_out(arena: Arena) -> None:
    watch = arena.watch(arena.main.url("h264"), fps=5)
    watch.wait_pictures(3)
    began = time.monotonic()
    watch.wait_pictures(20, 12)
    assert 3.2 < time.monotonic() - began < 5.5
    assert [p.seq for _, p, _ in watch.pictures] == list(range(len(watch.pictures)))


# -- who may look ----------------------------------------------------------------------------------------------------


def _secret(arena: Arena, auth: str) -> None:
    server = arena.server({"x": arena.files["h264"]}, user="vie wer", password=PASSWORD, auth=auth)
    watch = arena.watch(server.url("x"), user="vie wer", password=PASSWORD)
    watch.wait_pictures(3, 12)
    inline = f"rtsp://{quote('vie wer')}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/x"
    other = arena.watch(inline)
    other.wait_pictures(3, 12)
    for each in (watch, other):
        pid = each.camera.reader_pid
        for name in ("cmdline", "environ"):
            shown = Path(f"/proc/{pid}/{name}").read_bytes()
            assert PASSWORD.encode() not in shown
            assert quote(PASSWORD, safe="").encode() not in shown
        assert PASSWORD not in repr(each.camera.options)


@script
def basic_password(arena: Arena) -> None:
    _secret(arena, "basic")


@script
def digest_password(arena: Arena) -> None:
    _secret(arena, "digest")


@script
def encrypted(arena: Arena) -> None:
    both, alone = arena.certificate()
    server = arena.server({"x": arena.files["h264"]}, pem=str(both))
    unchecked = arena.watch(server.url("x"))
    checked = arena.watch(server.url("x"), tls_verify=True, ca_file=str(alone))
    strange = arena.watch(server.url("x"), tls_verify=True)
    unchecked.wait_pictures(3, 12)
    checked.wait_pictures(3, 12)
    strange.wait_state("failed", 12)
    assert "no encrypted connection" in strange.reasons()[-1]
    assert not strange.pictures


# -- the reader itself -----------------------------------------------------------------------------------------------


def _reader_hit(arena: Arena, number: int) -> None:
    watch = arena.watch(arena.main.url("h264"))
    watch.wait_pictures()
    pid = watch.camera.reader_pid
    assert pid is not None
    os.kill(pid, number)
    watch.wait(lambda: watch.camera.reader_pid not in (None, pid), 10, "a new reader")
    _back_in_time(watch)


@script
def reader_killed(arena: Arena) -> None:
    _reader_hit(arena, signal.SIGKILL)


@script
def reader_crashes(arena: Arena) -> None:
    _reader_hit(arena, signal.SIGSEGV)


@script
def reader_hangs(arena: Arena) -> None:
    _reader_hit(arena, signal.SIGSTOP)


@script
def reader_leaks(arena: Arena) -> None:
    watch = arena.watch(arena.main.url("h264"), max_rss_bytes=2**20)
    watch.wait(lambda: any("memory and is replaced" in reason for reason in watch.reasons()), 12, "a replacement")
    before = watch.camera.health.restarts
    watch.wait(lambda: watch.camera.health.restarts > before, 12, "a new reader")


@script
def slow_taker_gets_the_newest(arena: Arena) -> None:
    from pipeline.core.ports import LivePicture
    from pipeline.video.live import LiveOptions, RtspCamera

    camera = RtspCamera(LiveOptions(arena.main.url("h264")))
    try:
        until = time.monotonic() + 12
        while camera.state != "live" and time.monotonic() < until:
            camera.take(0.2)
        time.sleep(3)
        seen = [each for each in camera.take(0.1) if isinstance(each, LivePicture)]
        assert len(seen) > 20
        assert [p.seq for p in seen] == list(range(seen[0].seq, seen[0].seq + len(seen)))
        assert [p.pixels is None for p in seen] == [True] * (len(seen) - 4) + [False] * 4
        assert time.time_ns() // 1000 - seen[-1].arrived_at_us < 400_000
    finally:
        camera.close()


@script
def never_there(arena: Arena) -> None:
    watch = arena.watch(f"rtsp://127.0.0.1:{free_port()}/x")
    watch.wait_state("waiting")
    began = time.monotonic()
    time.sleep(6)
    tries = watch.camera._connection
    assert 5 <= tries <= 20, tries
    assert watch.states(began) == [], "each try is told of"
