"""A QUIC connection with ALPN h3 and no HTTP/3 layer: streams are written byte
by byte, and what the server does about it is gathered."""

import asyncio
import ssl

import pylsqpack
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.buffer import Buffer, BufferReadError
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import (
    ConnectionTerminated,
    StopSendingReceived,
    StreamDataReceived,
    StreamReset,
)

import wire


class Raw(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.changed = asyncio.Event()
        self.closed = None  # (error code, reason)
        self.resets: dict[int, int] = {}
        self.stops: dict[int, int] = {}
        self.received: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.authority = b""

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.closed = (event.error_code, event.reason_phrase)
        elif isinstance(event, StreamReset):
            self.resets[event.stream_id] = event.error_code
        elif isinstance(event, StopSendingReceived):
            self.stops[event.stream_id] = event.error_code
        elif isinstance(event, StreamDataReceived):
            self.received[event.stream_id] = self.received.get(event.stream_id, b"") + event.data
            if event.end_stream:
                self.ended.add(event.stream_id)
        self.changed.set()

    async def until(self, happened, seconds):
        """True when `happened()` came true within that time."""
        try:
            async with asyncio.timeout(seconds):
                while not happened():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            pass
        return happened()

    def open(self, data: bytes = b"", end=False, unidirectional=False) -> int:
        stream = self._quic.get_next_available_stream_id(is_unidirectional=unidirectional)
        self.send(stream, data, end)
        return stream

    def send(self, stream: int, data: bytes = b"", end=False):
        self._quic.send_stream_data(stream, data, end)
        self.transmit()

    def uni(self, kind: int, data: bytes = b"", end=False) -> int:
        return self.open(wire.varint(kind) + data, end, unidirectional=True)

    def reset(self, stream: int, code: int = 0x10C):
        self._quic.reset_stream(stream, code)
        self.transmit()

    def control(self, *after: bytes) -> int:
        """The control stream as it should begin, then `after`."""
        return self.uni(wire.CONTROL, wire.settings() + b"".join(after))

    def get(self, path=b"/bytes/5", *more) -> list[tuple[bytes, bytes]]:
        return self.head(b"GET", path, *more)

    def post(self, *more) -> list[tuple[bytes, bytes]]:
        return self.head(b"POST", b"/echo", *more)

    def head(self, method, path, *more):
        return [
            (b":method", method),
            (b":scheme", b"https"),
            (b":authority", self.authority),
            (b":path", path),
            *more,
        ]

    def frames(self, stream: int):
        """The complete frames that came on a stream, as (type, payload)."""
        buffer = Buffer(data=self.received.get(stream, b""))
        if stream & 2:
            buffer.pull_uint_var()
        while not buffer.eof():
            try:
                yield buffer.pull_uint_var(), buffer.pull_bytes(buffer.pull_uint_var())
            except BufferReadError:
                return

    def peers(self, kind: int) -> list[int]:
        """The unidirectional streams of that type which the server opened."""
        return [
            stream
            for stream, data in self.received.items()
            if stream & 3 == 3 and data and Buffer(data=data).pull_uint_var() == kind
        ]

    def status(self, stream: int) -> int | None:
        """The final status of the response on a stream."""
        for kind, payload in self.frames(stream):
            if kind == wire.HEADERS:
                # The server was given no dynamic table, so the section stands alone.
                _, decoded = pylsqpack.Decoder(0, 0).feed_header(0, payload)
                value = int(dict(decoded).get(b":status", b"0"))
                if value >= 200:
                    return value
        return None

    def settings(self) -> dict[int, int] | None:
        for stream in self.peers(wire.CONTROL):
            for kind, payload in self.frames(stream):
                if kind != wire.SETTINGS:
                    return None
                buffer, found = Buffer(data=payload), {}
                while not buffer.eof():
                    name = buffer.pull_uint_var()
                    found[name] = buffer.pull_uint_var()
                return found
        return None


def configuration(ca: str | None, server: str) -> QuicConfiguration:
    made = QuicConfiguration(is_client=True, alpn_protocols=["h3"], server_name=server)
    if ca:
        made.load_verify_locations(ca)
    else:
        made.verify_mode = ssl.CERT_NONE
    return made
