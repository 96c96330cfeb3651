"""Sends an HTTP/3 server what it is told to, and prints what became of it.

Reads from standard input a JSON list of cases; each has a connection of its own
and is a list of steps on request streams:
  ["headers", [[name, value], ...], end]   ["data", text, end]
  ["reset", code]                          ["next"]: go on with another stream
  ["times", n, steps]                      ["hold", ms]
Text stands for ISO 8859-1. Prints a JSON list with what came of the last stream
of each case: `200`, `200 stop 0x100`, `reset 0x10e`, `close 0x107`, `nothing`.
"""

import argparse
import asyncio
import json
import sys

import wire
from aioquic.asyncio.client import connect
from raw import Raw, configuration


class Case:
    def __init__(self, client):
        self.client = client
        self.stream = None
        self.ended = False

    def write(self, data, end):
        self.ended = end
        if self.stream is None:
            self.stream = self.client.open(data, end)
        else:
            self.client.send(self.stream, data, end)

    async def run(self, steps):
        for step in steps:
            match step:
                case ["headers", fields, end]:
                    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
                    self.write(wire.headers(*pairs), end)
                case ["data", text, end]:
                    self.write(wire.frame(wire.DATA, text.encode("latin-1")), end)
                case ["bytes", text, end]:
                    self.write(text.encode("latin-1"), end)
                case ["reset", code]:
                    self.client.reset(self.stream, code)
                case ["next"]:
                    self.stream = None
                case ["times", count, inner]:
                    for _ in range(count):
                        if self.client.closed:
                            return
                        await self.run(inner)
                        await asyncio.sleep(0)
                case ["hold", ms]:
                    await self.client.until(lambda: self.client.closed, ms / 1000)


async def attempt(steps, wanted):
    try:
        async with connect(
            wanted.host, wanted.port, configuration=configuration(wanted.ca, "localhost"), create_protocol=Raw
        ) as client:
            client.control()
            case = Case(client)
            await case.run(steps)
            decided = lambda: client.closed or case.stream in client.resets or client.status(case.stream)  # noqa: E731
            await client.until(decided, wanted.timeout)
            # A close may follow a status, and a client that has more to send be asked to stop.
            await client.until(lambda: client.closed or (case.ended and case.stream in client.ended), 0.2)
            if not case.ended:
                await client.until(lambda: client.closed or case.stream in client.stops, 0.5)
            status = client.status(case.stream) if case.stream is not None else None
            client.close()
            if client.closed and client.closed[0]:
                return f"close {client.closed[0]:#x}"
            if status:
                stop = client.stops.get(case.stream)
                return str(status) if stop is None else f"{status} stop {stop:#x}"
            if case.stream in client.resets:
                return f"reset {client.resets[case.stream]:#x}"
            return "nothing"
    except ConnectionError as error:
        return f"no connection: {error!r}"


async def main(wanted):
    together = asyncio.Semaphore(8)

    async def limited(steps):
        async with together:
            return await attempt(steps, wanted)

    cases = json.load(sys.stdin)
    print(json.dumps(await asyncio.gather(*map(limited, cases))))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca")
    parser.add_argument("--timeout", type=float, default=5)
    asyncio.run(main(parser.parse_args()))
