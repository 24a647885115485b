"""A TCP proxy before a camera that breaks connections in the ways that networks and cameras do."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.rtsp.cameras import free_port

_SENDER_REPORT = 200
_RTP_HEADER = 12
_LINGER = struct.pack("ii", 1, 0)


class Weather:
    """The loop of all proxies of a test, in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="proxies")
        self._thread.start()
        self._proxies: list[Proxy] = []

    def proxy(self, to_port: int, seed: int = 0) -> Proxy:
        """A new proxy before the camera at a port."""
        proxy = Proxy(self, to_port, seed)
        self._proxies.append(proxy)
        return proxy

    def call(self, work: Callable[[], Any]) -> Any:
        """Do it in the loop."""

        async def done() -> Any:
            result = work()
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(10)

    def close(self) -> None:
        for proxy in self._proxies:
            proxy.refuse()
        self.call(self._drain)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    async def _drain(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Proxy:
    """Passes RTSP over TCP on, packet by packet, until told otherwise. Its methods may be called from any thread."""

    def __init__(self, weather: Weather, to_port: int, seed: int) -> None:
        self._weather = weather
        self._to = to_port
        self._seed = seed
        self._passed: Counter[int] = Counter()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._going = asyncio.Event()
        self._going.set()
        self._frozen = False
        self._mute = False
        self._answer: str | None = None
        self._clock_s = 0
        self._media_ticks = 0
        self._flip = self._drop = 0.0
        self.connections = 0
        self.asked: list[str] = []
        while True:
            self.port = free_port()
            with contextlib.suppress(OSError):  # another one was faster
                self.listen()
                break

    def url(self, name: str, scheme: str = "rtsp") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/{name}"

    # -- faults ------------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Take connections (again)."""
        self._weather.call(self._listen)

    def refuse(self) -> None:
        """Let nobody in, and throw out who is in."""
        self._weather.call(self._unlisten)
        self.reset()

    def mute(self, on: bool = True) -> None:
        """Take new connections and say nothing."""
        self._mute = on

    def answer(self, status: str | None) -> None:
        """Answer every request with this status, such as `453 Not Enough Bandwidth`; None passes them on again."""
        self._answer = status

    def stall(self) -> None:
        """Pass nothing on; connections stay open."""
        self._weather.call(self._going.clear)

    def freeze(self) -> None:
        """Lose the pictures, keep sender reports and sound."""
        self._frozen = True

    def go_on(self) -> None:
        """End of `stall` and `freeze`."""
        self._frozen = False
        self._weather.call(self._going.set)

    def reset(self) -> None:
        """Cut all connections with RST."""
        self._weather.call(lambda: self._cut(hard=True))

    def finish(self) -> None:
        """Cut all connections with FIN."""
        self._weather.call(lambda: self._cut(hard=False))

    def set_camera_clock(self, ahead_s: int) -> None:
        """Shift the camera's clock as sender reports tell it."""
        self._clock_s = ahead_s

    def jump_media_time(self, ticks: int) -> None:
        """Shift the time of pictures, of 90,000 a second, from here on."""
        self._media_ticks += ticks

    def damage(self, flip: float = 0.0, drop: float = 0.0) -> None:
        """Invert a byte of, or lose, this share of the packets.

        Which ones: the n-th time that a clip is played the same, wherever in the clip this was called.
        """
        self._passed.clear()
        self._flip, self._drop = flip, drop

    # -- passing on --------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _unlisten(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _cut(self, *, hard: bool) -> None:
        for writer in list(self._open):
            if hard:
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
                writer.transport.abort()
            else:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        both = {writer}
        try:
            if self._mute:
                await reader.read()
            elif self._answer is not None:
                await self._refuse_all(reader, writer)
            else:
                camera = await asyncio.open_connection("127.0.0.1", self._to)
                both.add(camera[1])
                self._open.add(camera[1])
                passing = [
                    asyncio.create_task(self._requests(reader, camera[1])),
                    asyncio.create_task(self._answers(camera[0], writer)),
                ]
                try:
                    await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in passing:
                        task.cancel()
                    await asyncio.gather(*passing, return_exceptions=True)
        except OSError:
            pass
        finally:
            for each in both:
                self._open.discard(each)
                each.close()

    async def _refuse_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.asked.append(request.split(" ", 1)[0])
                number = next(line for line in request.splitlines() if line.lower().startswith("cseq"))
                writer.write(f"RTSP/1.0 {self._answer}\r\n{number}\r\n\r\n".encode())
                await writer.drain()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._going.wait()
            writer.write(data)
            await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first = await reader.readexactly(1)
            if first == b"$":
                channel, size = struct.unpack(">BH", await reader.readexactly(3))
                body = self._worsened(channel, bytearray(await reader.readexactly(size)))
                data = b"" if body is None else struct.pack(">cBH", b"$", channel, len(body)) + body
            elif first == b"R":
                data = first + await reader.readuntil(b"\r\n\r\n")
                length = [line for line in data.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                if length:
                    data += await reader.readexactly(int(length[0].split(b":")[1]))
            else:  # encrypted: passed on as it comes
                data = first + await reader.read(65536)
            await self._going.wait()
            writer.write(data)
            await writer.drain()

    def _worsened(self, channel: int, body: bytearray) -> bytearray | None:
        """The packet as it arrives: even channels carry media, odd ones reports."""
        if channel % 2 == 0:
            if channel == 0 and self._frozen:
                return None
            if self._flip or self._drop:
                chance = self._chance(body[_RTP_HEADER:])
                if chance.random() < self._drop:
                    return None
                if len(body) > 16 and chance.random() < self._flip:
                    body[chance.randrange(_RTP_HEADER, len(body))] ^= 0xFF
            if self._media_ticks:
                _shift(body, 4, self._media_ticks)
        elif len(body) >= 20 and body[1] == _SENDER_REPORT:
            _shift(body, 8, self._clock_s)
            _shift(body, 16, self._media_ticks)
        return body

    def _chance(self, payload: bytes) -> random.Random:
        content = zlib.crc32(payload)
        self._passed[content] += 1
        return random.Random(f"{self._seed} {content} {self._passed[content]}")


def _shift(body: bytearray, place: int, by: int) -> None:
    value = struct.unpack_from(">I", body, place)[0]
    struct.pack_into(">I", body, place, (value + by) % 2**32)
