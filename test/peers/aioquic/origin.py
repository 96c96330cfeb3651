"""An HTTP/3 origin on aioquic with the paths of `goquic origin`, see
test/peers/README.md. Prints its port as JSON when it listens."""

import argparse
import asyncio
import json
import re

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StopSendingReceived, StreamReset

from pattern import pattern

INTERNAL_ERROR = 0x102
BLOCK = 64 * 1024
SEEN = {"requests": 0, "cancelled": 0, "uploaded": 0, "endless": 0}


class Cancelled(Exception):
    pass


class Exchange:
    """One request stream: what came in, and how to answer."""

    def __init__(self, connection, stream, headers):
        self.connection = connection
        self.stream = stream
        self.headers = headers
        self.body: asyncio.Queue = asyncio.Queue()
        self.trailers = []
        self.gone = False

    def head(self, status, *headers, end=False):
        self.check()
        self.connection.http.send_headers(
            self.stream, [(b":status", str(status).encode()), *headers], end_stream=end
        )
        self.connection.transmit()

    async def data(self, block, end=False):
        # aioquic buffers without bound, so wait until most of it has left.
        while not self.gone and self.pending() > 4 * BLOCK:
            await asyncio.sleep(0.001)
        self.check()
        self.connection.http.send_data(self.stream, block, end_stream=end)
        self.connection.transmit()

    def pending(self):
        stream = self.connection._quic._streams.get(self.stream)
        return len(stream.sender._buffer) if stream else 0

    def trailer(self, *headers):
        self.check()
        self.connection.http.send_headers(self.stream, list(headers), end_stream=True)
        self.connection.transmit()

    def check(self):
        if self.gone:
            raise Cancelled


async def answer(exchange):
    method, path = (exchange.headers.get(name, b"").decode() for name in (b":method", b":path"))
    route, _, rest = path.partition("?")[0].lstrip("/").partition("/")
    if route in ("bytes", "cut") and re.fullmatch(r"\d+", rest):
        await sized(exchange, method, route, int(rest))
    elif route == "echo":
        await echo(exchange)
    elif route == "status":
        exchange.head(int(rest), end=True)
    elif route == "trailers":
        exchange.head(200, (b"trailer", b"x-checksum"))
        await exchange.data(b"hello\n")
        exchange.trailer((b"x-checksum", b"after the body"))
    elif route == "hints":
        exchange.head(103, (b"link", b"</style.css>; rel=preload"))
        exchange.head(200)
        await exchange.data(b"hello\n", end=True)
    elif route == "endless":
        await endless(exchange)
    elif route == "silent":
        while not exchange.gone:
            await exchange.body.get()
        raise Cancelled
    elif route == "seen":
        await text(exchange, json.dumps(SEEN))
    elif route == "head":
        names = {name.decode("latin-1"): [value.decode("latin-1")] for name, value in exchange.headers.items()}
        await text(exchange, json.dumps({"method": method, "path": path, "http": "HTTP/3.0", "headers": names}))
    else:
        exchange.head(404, end=True)


async def text(exchange, body):
    exchange.head(200, (b"content-type", b"application/json"))
    await exchange.data(body.encode(), end=True)


async def sized(exchange, method, route, length):
    promised = 2 * length if route == "cut" else length
    empty = length == 0 or method == "HEAD"
    exchange.head(200, (b"content-length", str(promised).encode()), end=empty)
    if empty:
        return
    sent = 0
    while sent < length:
        size = min(BLOCK, length - sent)
        last = sent + size == length
        await exchange.data(pattern(sent, size), end=last and route == "bytes")
        sent += size
    if route == "cut":
        exchange.connection._quic.reset_stream(exchange.stream, INTERNAL_ERROR)
        exchange.connection.transmit()


async def endless(exchange):
    exchange.head(200)
    SEEN["endless"] += 1
    try:
        sent = 0
        while True:
            await exchange.data(pattern(sent, BLOCK))
            sent += BLOCK
    finally:
        SEEN["endless"] -= 1


async def echo(exchange):
    same = [(name, exchange.headers[name]) for name in (b"content-length", b"content-type") if name in exchange.headers]
    exchange.head(200, *same)
    while (block := await exchange.body.get()) is not None:
        exchange.check()
        SEEN["uploaded"] += len(block)
        await exchange.data(block)
    if exchange.trailers:
        exchange.trailer(*exchange.trailers)
    else:
        await exchange.data(b"", end=True)


class Origin(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.exchanges: dict[int, Exchange] = {}
        self.tasks = set()

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            for stream in list(self.exchanges):
                self.drop(stream)
        elif isinstance(event, (StopSendingReceived, StreamReset)):
            self.drop(event.stream_id)
        for parsed in self.http.handle_event(event):
            self.received(parsed)

    def received(self, event):
        if isinstance(event, HeadersReceived):
            exchange = self.exchanges.get(event.stream_id)
            if exchange is None:
                exchange = Exchange(self, event.stream_id, dict(event.headers))
                self.exchanges[event.stream_id] = exchange
                SEEN["requests"] += 1
                task = asyncio.ensure_future(self.serve(exchange))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            else:
                exchange.trailers = event.headers
        elif isinstance(event, DataReceived):
            exchange = self.exchanges.get(event.stream_id)
            if exchange and event.data:
                exchange.body.put_nowait(event.data)
        else:
            return
        if exchange and event.stream_ended:
            exchange.body.put_nowait(None)

    def drop(self, stream):
        exchange = self.exchanges.get(stream)
        if exchange:
            exchange.gone = True
            exchange.body.put_nowait(None)

    async def serve(self, exchange):
        try:
            await answer(exchange)
        except Cancelled:
            SEEN["cancelled"] += 1
        except Exception as error:  # a bug here must show in the test, not hang it
            print(json.dumps({"error": repr(error)}), flush=True)
            self._quic.reset_stream(exchange.stream, INTERNAL_ERROR)
            self.transmit()
        finally:
            self.exchanges.pop(exchange.stream, None)


async def main(wanted):
    configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    configuration.load_cert_chain(wanted.cert, wanted.key)
    tickets = {}
    server = await serve(
        wanted.host,
        0,
        configuration=configuration,
        create_protocol=Origin,
        session_ticket_fetcher=tickets.pop,
        session_ticket_handler=lambda ticket: tickets.update({ticket.ticket: ticket}),
    )
    port = server._transport.get_extra_info("sockname")[1]
    print(json.dumps({"ready": True, "port": port}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    asyncio.run(main(parser.parse_args()))
