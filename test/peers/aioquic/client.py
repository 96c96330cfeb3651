"""An HTTP/3 client on aioquic that prints what it saw of one response as JSON.

Arguments and answer are those of `goquic client`, see test/peers/README.md.
"""

import argparse
import asyncio
import hashlib
import json
import ssl
from urllib.parse import urlsplit

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamReset

from pattern import pattern

REQUEST_CANCELLED = 0x10C


class Http(H3Connection):
    """aioquic compares content-length with the body even where HEAD forbids one."""

    bodiless = False

    def _check_content_length(self, stream):
        if not self.bodiless:
            super()._check_content_length(stream)


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = Http(self._quic)
        self.incoming: asyncio.Queue = asyncio.Queue()

    def quic_event_received(self, event):
        if isinstance(event, (ConnectionTerminated, StreamReset)):
            self.incoming.put_nowait(event)
        for parsed in self.http.handle_event(event):
            self.incoming.put_nowait(parsed)

    async def rebind(self):
        """Go on from another port, as after a NAT forgot the binding."""
        old = self._transport
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=("::", 0)
        )
        old.close()
        await self.ping()


def fields(headers):
    """Without the pseudo-headers, as text that keeps every byte."""
    return [
        [name.decode("latin-1"), value.decode("latin-1")]
        for name, value in headers
        if not name.startswith(b":")
    ]


async def ask(client, wanted, answer):
    url = urlsplit(wanted.url)
    headers = [
        (b":method", wanted.method.encode()),
        (b":scheme", url.scheme.encode()),
        (b":authority", url.netloc.encode()),
        (b":path", (url.path + ("?" + url.query if url.query else "")).encode()),
    ]
    body = wanted.send is not None
    if body and not wanted.unsized and not wanted.trailer:
        headers.append((b"content-length", str(wanted.send).encode()))
    client.http.bodiless = wanted.method == "HEAD"
    stream = client._quic.get_next_available_stream_id()
    client.http.send_headers(stream, headers, end_stream=not body)
    if body:
        client.http.send_data(stream, pattern(0, wanted.send), end_stream=not wanted.trailer)
        if wanted.trailer:
            client.http.send_headers(stream, [(b"x-sent", b"after the body")], end_stream=True)
    client.transmit()

    total = hashlib.sha256()
    while True:
        event = await client.incoming.get()
        ended = False
        if isinstance(event, ConnectionTerminated):
            answer.update(error=event.reason_phrase or "connection closed", code=event.error_code)
            return
        if isinstance(event, StreamReset):
            if event.stream_id != stream:
                continue
            answer.update(error="stream reset", code=event.error_code)
            return
        if isinstance(event, HeadersReceived):
            ended = event.stream_ended
            status = dict(event.headers).get(b":status")
            if status is None:
                answer["trailers"] = fields(event.headers)
            elif status.startswith(b"1"):
                answer["informational"].append(int(status))
            else:
                answer["status"] = int(status)
                answer["headers"] = fields(event.headers)
        elif isinstance(event, DataReceived):
            ended = event.stream_ended
            total.update(event.data)
            answer["bytes"] += len(event.data)
            if answer["bytes"] <= 4096:
                answer["text"] += event.data.decode("latin-1")
            if wanted.cancel_after is not None and answer["bytes"] >= wanted.cancel_after:
                client._quic.stop_stream(stream, REQUEST_CANCELLED)
                client.transmit()
                answer["cancelled"] = True
                return
            if wanted.rebind and not answer["rebound"] and answer["bytes"] >= 1 << 20:
                await client.rebind()
                answer["rebound"] = True
        if ended:
            answer["sha256"] = total.hexdigest()
            return


def blank():
    return {
        "http": "HTTP/3.0", "status": 0, "informational": [], "headers": [], "bytes": 0, "sha256": "", "text": "",
        "trailers": [], "resumed": False, "rebound": False, "cancelled": False,
    }  # fmt: skip


async def session(wanted, configuration, store, answer):
    url = urlsplit(wanted.url)
    async with connect(
        url.hostname,
        url.port or 443,
        configuration=configuration,
        create_protocol=Client,
        session_ticket_handler=store,
        wait_connected=True,
    ) as client:
        answer["resumed"] = client._quic.tls.session_resumed
        await ask(client, wanted, answer)
        # So that a cancellation leaves before the close does.
        await client.ping()


async def run(wanted):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN)
    configuration.verify_mode = ssl.CERT_REQUIRED
    configuration.load_verify_locations(wanted.ca)
    configuration.server_name = urlsplit(wanted.url).hostname
    # Beyond one block the congestion window, not we, should be the limit.
    configuration.max_stream_data = 4 << 20
    configuration.max_data = 16 << 20
    tickets = []
    answer = blank()
    try:
        async with asyncio.timeout(wanted.timeout):
            if wanted.resume:
                await session(wanted, configuration, tickets.append, blank())
                if tickets:
                    configuration.session_ticket = tickets[-1]
            await session(wanted, configuration, tickets.append, answer)
    except ConnectionError as error:
        answer.setdefault("error", str(error) or "could not connect")
    except TimeoutError:
        answer.setdefault("error", "timed out")
    print(json.dumps(answer))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--method", default="GET")
    parser.add_argument("--send", type=int, help="bytes of request body")
    parser.add_argument("--unsized", action="store_true", help="no content-length")
    parser.add_argument("--trailer", action="store_true", help="send the trailer x-sent")
    parser.add_argument("--cancel-after", type=int, help="bytes of body before cancelling")
    parser.add_argument("--rebind", action="store_true", help="change the local port after 1 MB")
    parser.add_argument("--resume", action="store_true", help="resume the session of a first connection")
    parser.add_argument("--timeout", type=float, default=20, help="seconds for the whole of it")
    asyncio.run(run(parser.parse_args()))
