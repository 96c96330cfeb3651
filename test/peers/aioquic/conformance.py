"""Sends an HTTP/3 server what RFC 9114, RFC 9204 and RFC 9220 say it must
refuse, ignore or accept, after the list of h3spec, and prints one line of JSON
per case: {case, section, expected, got, ok}.

The server must answer GET /bytes/5 with 200 and five bytes and POST /echo with
the body it got (see test/peers/README.md), itself or by way of an origin.
"""

import argparse
import asyncio
import json
import sys
import time

from aioquic.asyncio.client import connect

from cases import CASES
from raw import Raw, configuration

NAMES = {
    0x100: "H3_NO_ERROR", 0x101: "H3_GENERAL_PROTOCOL_ERROR", 0x102: "H3_INTERNAL_ERROR",
    0x103: "H3_STREAM_CREATION_ERROR", 0x104: "H3_CLOSED_CRITICAL_STREAM", 0x105: "H3_FRAME_UNEXPECTED",
    0x106: "H3_FRAME_ERROR", 0x107: "H3_EXCESSIVE_LOAD", 0x108: "H3_ID_ERROR", 0x109: "H3_SETTINGS_ERROR",
    0x10A: "H3_MISSING_SETTINGS", 0x10B: "H3_REQUEST_REJECTED", 0x10C: "H3_REQUEST_CANCELLED",
    0x10D: "H3_REQUEST_INCOMPLETE", 0x10E: "H3_MESSAGE_ERROR", 0x10F: "H3_CONNECT_ERROR",
    0x110: "H3_VERSION_FALLBACK", 0x200: "QPACK_DECOMPRESSION_FAILED", 0x201: "QPACK_ENCODER_STREAM_ERROR",
    0x202: "QPACK_DECODER_STREAM_ERROR",
}  # fmt: skip


def named(code):
    return NAMES.get(code, hex(code))


async def outcome(client, case, stream, seconds):
    """What the server did, as text such as `close H3_FRAME_ERROR`."""

    def decided():
        if client.closed:
            return True
        if case.scope == "close":
            return False
        return stream in client.resets or stream in client.ended

    await client.until(decided, seconds)
    if stream in client.ended and not client.closed and case.scope == "refuse":
        # A response may be followed by the connection error that counts.
        await client.until(lambda: client.closed or stream in client.resets, 0.05)
    if client.closed:
        return f"close {named(client.closed[0])}"
    if stream in client.resets:
        return f"reset {named(client.resets[stream])}"
    status = client.status(stream) if stream is not None else None
    if stream in client.ended or (case.scope == "close" and status):
        return f"status {status}" if status else "end without response"
    return f"status {status}, unfinished" if status else "nothing"


def judge(case, got):
    word, _, rest = got.partition(" ")
    if case.scope == "accept":
        return word == "status" and rest.isdigit() and int(rest) in case.expected
    if word == "status" and rest.isdigit():
        return case.scope == "refuse" and 400 <= int(rest) < 600
    if word == "reset":
        return case.scope == "refuse" and rest in case.expected
    # RFC 9114 section 8: a stream error may be treated as a connection error.
    return word == "close" and rest in case.expected


async def attempt(case, wanted):
    got = None
    try:
        async with asyncio.timeout(wanted.timeout + 5):
            async with connect(
                wanted.host,
                wanted.port,
                configuration=configuration(wanted.ca, wanted.server),
                create_protocol=Raw,
            ) as client:
                client.authority = f"{wanted.server}:{wanted.port}".encode()
                stream = await case.act(client)
                got = stream if isinstance(stream, str) else await outcome(client, case, stream, wanted.timeout)
                client.close()
    except (ConnectionError, TimeoutError) as error:
        got = got or f"no connection: {error!r}"
    ok = got == "ok" if case.scope == "observe" else judge(case, got)
    return {
        "case": case.name,
        "section": case.section,
        "expected": f"{case.scope} " + " or ".join(str(one) for one in case.expected) if case.expected else case.scope,
        "got": got,
        "ok": ok,
    }


async def main(wanted):
    chosen = [case for case in CASES if not wanted.only or wanted.only in case.name]
    together = asyncio.Semaphore(wanted.parallel)

    async def limited(case):
        async with together:
            return await attempt(case, wanted)

    started = time.monotonic()
    failed = 0
    for result in asyncio.as_completed([limited(case) for case in chosen]):
        line = await result
        failed += not line["ok"]
        print(json.dumps(line), flush=True)
    took = time.monotonic() - started
    print(f"{len(chosen) - failed} of {len(chosen)} as expected in {took:.1f} s", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--server", default="localhost", help="server name and authority")
    parser.add_argument("--ca", help="trusted certificates, PEM; without, none is checked")
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("--timeout", type=float, default=2, help="seconds to wait for a reaction")
    parser.add_argument("--parallel", type=int, default=8)
    sys.exit(asyncio.run(main(parser.parse_args())))
