"""The conformance cases: a name, the section that rules it, what must come of
it and the bytes to send. Each acts on a fresh connection and returns the
request stream to watch, or None where only the connection matters."""

import inspect
from dataclasses import dataclass
from typing import Any, Callable

import wire
from wire import frame, headers, literal, prefixed, section, settings, static, varint

CASES = []


@dataclass(frozen=True)
class Case:
    name: str
    section: str
    # close: the connection ends with one of `expected`; refuse: that, or a
    # reset with it, or a 4xx or 5xx response; accept: one of these statuses;
    # observe: the case itself says `ok` or what is wrong.
    scope: str
    expected: tuple[Any, ...]
    act: Callable


def case(section, scope, name, *expected):
    def keep(act):
        async def run(client):
            made = act(client)
            return await made if inspect.isawaitable(made) else made

        CASES.append(Case(name, section, scope, expected, run))
        return act

    return keep


def closes(section, name, *expected):
    return case(section, "close", name, *expected)


def accepts(section, name, *expected):
    return case(section, "accept", name, *(expected or (200,)))


def request(client, *frames, end=True):
    """A control stream in order, then one request stream with these frames."""
    client.control()
    return client.open(b"".join(frames), end)


def asked(client):
    """A plain good request, to see that the connection still serves."""
    return client.open(headers(*client.get()), end=True)


# --- the control stream, RFC 9114 section 6.2.1 and 7.2 ---

# What may not stand on a control stream. RFC 9114 7.2.1, 7.2.2, 7.2.5, 7.2.8
for kind, payload, part, label in (
    (wire.DATA, b"x", "7.2.1", "DATA"),
    (wire.HEADERS, b"\0\0", "7.2.2", "HEADERS"),
    (wire.PUSH_PROMISE, b"\0\0\0", "7.2.5", "PUSH_PROMISE"),
    (0x02, b"", "7.2.8", "reserved frame 0x02"),
    (0x06, b"", "7.2.8", "reserved frame 0x06"),
    (0x08, b"", "7.2.8", "reserved frame 0x08"),
    (0x09, b"", "7.2.8", "reserved frame 0x09"),
):

    @closes(f"RFC 9114 {part}", f"{label} on the control stream", "H3_FRAME_UNEXPECTED")
    def _(client, kind=kind, payload=payload):
        client.control(frame(kind, payload))


@closes("RFC 9114 6.2.1", "control stream that does not begin with SETTINGS", "H3_MISSING_SETTINGS")
def _(client):
    client.uni(wire.CONTROL, frame(wire.MAX_PUSH_ID, varint(1)))


@closes("RFC 9114 7.2.4", "second SETTINGS", "H3_FRAME_UNEXPECTED")
def _(client):
    client.control(settings())


@closes("RFC 9114 6.2.1", "second control stream", "H3_STREAM_CREATION_ERROR")
def _(client):
    client.control()
    client.control()


@closes("RFC 9114 6.2.1", "control stream that ends", "H3_CLOSED_CRITICAL_STREAM")
def _(client):
    client.send(client.control(), end=True)


@closes("RFC 9114 6.2.1", "control stream that is reset", "H3_CLOSED_CRITICAL_STREAM")
async def _(client):
    stream = client.control()
    # A reset may overtake the stream type, and then proves nothing.
    await client.ping()
    client.reset(stream)


for setting in (0x00, 0x02, 0x03, 0x04, 0x05):

    @closes("RFC 9114 7.2.4.1", f"reserved setting 0x{setting:02x}", "H3_SETTINGS_ERROR")
    def _(client, setting=setting):
        client.uni(wire.CONTROL, settings((setting, 1)))


@closes("RFC 9114 7.2.4", "the same setting twice", "H3_SETTINGS_ERROR")
def _(client):
    client.uni(wire.CONTROL, settings((0x06, 4096), (0x06, 4096)))


@closes("RFC 9220 3", "SETTINGS_ENABLE_CONNECT_PROTOCOL of 2", "H3_SETTINGS_ERROR", "H3_FRAME_ERROR")
def _(client):
    client.uni(wire.CONTROL, settings((0x08, 2)))


@closes("RFC 9114 7.1", "SETTINGS that stops within a value", "H3_FRAME_ERROR", "H3_SETTINGS_ERROR")
def _(client):
    client.uni(wire.CONTROL, frame(wire.SETTINGS, varint(0x06) + b"\x80\x00"))


@closes("RFC 9114 7.1", "SETTINGS with an identifier and no value", "H3_FRAME_ERROR", "H3_SETTINGS_ERROR")
def _(client):
    client.uni(wire.CONTROL, frame(wire.SETTINGS, varint(0x06)))


@closes("RFC 9114 10.5", "SETTINGS of 1 GB", "H3_EXCESSIVE_LOAD", "H3_FRAME_ERROR", "H3_SETTINGS_ERROR")
def _(client):
    client.uni(wire.CONTROL, varint(wire.SETTINGS) + varint(1 << 30) + b"\x21\x00" * 512)


for kind, label in ((wire.GOAWAY, "GOAWAY"), (wire.MAX_PUSH_ID, "MAX_PUSH_ID"), (wire.CANCEL_PUSH, "CANCEL_PUSH")):

    @closes("RFC 9114 7.1", f"{label} with bytes after its identifier", "H3_FRAME_ERROR")
    def _(client, kind=kind):
        client.control(frame(wire.MAX_PUSH_ID, varint(8)) if kind == wire.CANCEL_PUSH else b"", frame(kind, b"\0\0"))

    @closes("RFC 9114 7.1", f"{label} that is empty", "H3_FRAME_ERROR")
    def _(client, kind=kind):
        client.control(frame(kind))


@closes("RFC 9114 7.2.3", "CANCEL_PUSH of a push that was never promised", "H3_ID_ERROR")
def _(client):
    client.control(frame(wire.MAX_PUSH_ID, varint(8)), frame(wire.CANCEL_PUSH, varint(3)))


@closes("RFC 9114 7.2.3", "CANCEL_PUSH beyond MAX_PUSH_ID", "H3_ID_ERROR")
def _(client):
    client.control(frame(wire.CANCEL_PUSH, varint(3)))


@closes("RFC 9114 7.2.7", "MAX_PUSH_ID that goes down", "H3_ID_ERROR")
def _(client):
    client.control(frame(wire.MAX_PUSH_ID, varint(8)), frame(wire.MAX_PUSH_ID, varint(7)))


@closes("RFC 9114 5.2", "GOAWAY whose identifier goes up", "H3_ID_ERROR")
def _(client):
    client.control(frame(wire.GOAWAY, varint(4)), frame(wire.GOAWAY, varint(8)))


@accepts("RFC 9114 5.2", "request after a client's GOAWAY")
def _(client):
    client.control(frame(wire.GOAWAY, varint(0)))
    return asked(client)


@accepts("RFC 9114 7.2.8", "unknown frame on the control stream")
def _(client):
    client.control(frame(0x21 + 0x1F * 7, b"grease"))
    return asked(client)


@accepts("RFC 9114 7.2.4.1", "unknown settings")
def _(client):
    client.uni(wire.CONTROL, settings((0x21, 0), (0x21 + 0x1F * 9, 1 << 60), (0x4040, 7)))
    return asked(client)


@accepts("RFC 9114 7.2.4", "SETTINGS a byte at a time after the request")
async def _(client):
    stream = asked(client)
    control = client.uni(wire.CONTROL)
    for byte in settings((0x06, 65536), (0x21, 3)):
        await client.ping()
        client.send(control, bytes([byte]))
    return stream


# --- other unidirectional streams, RFC 9114 section 6.2 ---


@closes("RFC 9114 6.2.2", "push stream opened by a client", "H3_STREAM_CREATION_ERROR")
def _(client):
    client.control()
    client.uni(wire.PUSH, varint(0))


@accepts("RFC 9114 6.2", "stream of an unknown type")
def _(client):
    client.control()
    client.uni(0x21, b"grease" * 100)
    client.uni(0x21 + 0x1F * 5, b"", end=True)
    return asked(client)


@accepts("RFC 9114 6.2", "stream that ends before its type")
def _(client):
    client.control()
    client.open(b"", end=True, unidirectional=True)
    client.open(b"\x40", end=True, unidirectional=True)
    return asked(client)


@accepts("RFC 9114 6.2", "stream that is reset before its type")
def _(client):
    client.control()
    client.reset(client.open(b"\x40", unidirectional=True))
    return asked(client)


for kind, label in ((wire.ENCODER, "encoder"), (wire.DECODER, "decoder")):

    @closes("RFC 9204 4.2", f"second QPACK {label} stream", "H3_STREAM_CREATION_ERROR")
    def _(client, kind=kind):
        client.control()
        client.uni(kind)
        client.uni(kind)

    @closes("RFC 9204 4.2", f"QPACK {label} stream that ends", "H3_CLOSED_CRITICAL_STREAM")
    def _(client, kind=kind):
        client.control()
        client.uni(kind, end=True)

    @closes("RFC 9204 4.2", f"QPACK {label} stream that is reset", "H3_CLOSED_CRITICAL_STREAM")
    async def _(client, kind=kind):
        client.control()
        stream = client.uni(kind)
        await client.ping()
        client.reset(stream)


# --- frames on a request stream, RFC 9114 section 4.1 and 7 ---

for kind, payload, part, label in (
    (wire.CANCEL_PUSH, varint(0), "7.2.3", "CANCEL_PUSH"),
    (wire.SETTINGS, b"", "7.2.4", "SETTINGS"),
    (wire.PUSH_PROMISE, b"\0\0\0", "7.2.5", "PUSH_PROMISE"),
    (wire.GOAWAY, varint(0), "7.2.6", "GOAWAY"),
    (wire.MAX_PUSH_ID, varint(0), "7.2.7", "MAX_PUSH_ID"),
    (0x02, b"", "7.2.8", "reserved frame 0x02"),
    (0x06, b"", "7.2.8", "reserved frame 0x06"),
    (0x08, b"", "7.2.8", "reserved frame 0x08"),
    (0x09, b"", "7.2.8", "reserved frame 0x09"),
):

    @closes(f"RFC 9114 {part}", f"{label} as the first frame of a request", "H3_FRAME_UNEXPECTED")
    def _(client, kind=kind, payload=payload):
        return request(client, frame(kind, payload), headers(*client.get()))

    @closes(f"RFC 9114 {part}", f"{label} after the head of a request", "H3_FRAME_UNEXPECTED")
    def _(client, kind=kind, payload=payload):
        return request(client, headers(*client.post()), frame(kind, payload), end=False)


@closes("RFC 9114 4.1", "DATA before HEADERS", "H3_FRAME_UNEXPECTED")
def _(client):
    return request(client, frame(wire.DATA, b"x"), headers(*client.post()))


@closes("RFC 9114 4.1", "DATA after trailers", "H3_FRAME_UNEXPECTED")
def _(client):
    trailers = headers((b"x-sent", b"1"))
    return request(client, headers(*client.post()), frame(wire.DATA, b"x"), trailers, frame(wire.DATA, b"y"))


@closes("RFC 9114 4.1", "HEADERS after trailers", "H3_FRAME_UNEXPECTED")
def _(client):
    trailers = headers((b"x-sent", b"1"))
    return request(client, headers(*client.post()), frame(wire.DATA, b"x"), trailers, trailers)


@case("RFC 9114 4.1", "refuse", "request stream that ends without HEADERS", "H3_REQUEST_INCOMPLETE")
def _(client):
    return request(client)


@case("RFC 9114 4.1", "refuse", "request stream with an unknown frame alone", "H3_REQUEST_INCOMPLETE")
def _(client):
    return request(client, frame(0x21, b"grease"))


@closes("RFC 9114 7.1", "request stream that ends within HEADERS", "H3_FRAME_ERROR")
def _(client):
    return request(client, headers(*client.get())[:-3])


@closes("RFC 9114 7.1", "request stream that ends within DATA", "H3_FRAME_ERROR")
def _(client):
    return request(client, headers(*client.post()), varint(wire.DATA) + varint(10) + b"short")


@closes("RFC 9114 7.1", "request stream that ends within a frame's length", "H3_FRAME_ERROR")
def _(client):
    return request(client, headers(*client.post()), varint(wire.DATA) + b"\x80")


@accepts("RFC 9114 7.2.8", "unknown frames around the head and the body")
def _(client):
    grease = frame(0x21 + 0x1F * 3, b"grease" * 50)
    return request(client, grease, headers(*client.post()), grease, frame(wire.DATA, b"x"), grease, frame(0x21))


@accepts("RFC 9114 7.2.1", "DATA frames of no length")
def _(client):
    empty = frame(wire.DATA)
    return request(client, headers(*client.post((b"content-length", b"1"))), empty, frame(wire.DATA, b"x"), empty)


@accepts("RFC 9114 7.1", "frame lengths in their longest form")
def _(client):
    head = wire.fields(*client.get())
    return request(client, varint(wire.HEADERS, 8) + varint(len(head), 8) + head)


@accepts("RFC 9114 4.1", "request a byte at a time")
async def _(client):
    stream = request(client, end=False)
    sent = headers(*client.post((b"content-length", b"3"))) + frame(wire.DATA, b"abc") + headers((b"x-sent", b"1"))
    for index, byte in enumerate(sent):
        client.send(stream, bytes([byte]), end=index == len(sent) - 1)
        if index % 8 == 0:
            await client.ping()
    return stream


@accepts("RFC 9114 4.1.1", "request after one that the client reset")
async def _(client):
    first = request(client, headers(*client.post()), frame(wire.DATA, b"x"), end=False)
    await client.ping()
    client.reset(first)
    return asked(client)


# --- malformed messages, RFC 9114 sections 4.1.2 to 4.4 ---


def malformed(section, name, change, body=b"", scope="refuse"):
    """`change` turns the good head of a request into the list of fields to send."""

    @case(section, scope, name, "H3_MESSAGE_ERROR")
    def _(client):
        return request(client, headers(*change(client)), frame(wire.DATA, body) if body else b"")


def without(name):
    return lambda client: [pair for pair in client.get() if pair[0] != name]


def replaced(name, value):
    return lambda client: [(n, value if n == name else v) for n, v in client.get()]


def plus(*more):
    return lambda client: client.get(b"/bytes/5", *more)


malformed("RFC 9114 4.1.2", "body shorter than content-length", lambda c: c.post((b"content-length", b"10")), b"short")
malformed("RFC 9114 4.1.2", "body longer than content-length", lambda c: c.post((b"content-length", b"3")), b"longer")
malformed("RFC 9114 4.1.2", "content-length without a body", lambda c: c.post((b"content-length", b"10")))
malformed("RFC 9110 8.6", "two content-lengths that differ",
          lambda c: c.post((b"content-length", b"5"), (b"content-length", b"6")), b"12345")  # fmt: skip
for value in (b"-1", b"+5", b"5x", b"0x5", b"5 5", b""):
    malformed("RFC 9110 8.6", f"content-length of {value.decode()!r}",
              lambda c, value=value: c.post((b"content-length", value)), b"12345")  # fmt: skip
malformed("RFC 9114 4.2", "upper case in a field name", plus((b"X-Upper", b"1")))
for name, label in ((b"x y", "space"), (b"x:y", "colon"), (b"x\ny", "line feed"), (b"x\0y", "NUL"), (b"", "nothing")):
    malformed("RFC 9114 10.3", f"field name with {label}", plus((name, b"1")))
for name, value in (
    (b"connection", b"close"),
    (b"keep-alive", b"timeout=5"),
    (b"proxy-connection", b"keep-alive"),
    (b"transfer-encoding", b"chunked"),
    (b"upgrade", b"websocket"),
    (b"te", b"gzip"),
):
    malformed("RFC 9114 4.2", f"{name.decode()}: {value.decode()}", plus((name, value)))
for byte, label in ((b"\0", "NUL"), (b"\r", "carriage return"), (b"\n", "line feed")):
    malformed("RFC 9114 10.3", f"{label} in a field value", plus((b"x-bad", b"a" + byte + b"b")))
malformed("RFC 9114 4.3", "unknown pseudo-header", plus((b":unknown", b"1")))
malformed("RFC 9114 4.3", ":status in a request", plus((b":status", b"200")))
malformed("RFC 9114 4.3", "pseudo-header after a field",
          lambda c: [*c.get()[:3], (b"x-first", b"1"), c.get()[3]])  # fmt: skip
for name in (b":method", b":scheme", b":path", b":authority"):
    malformed("RFC 9114 4.3.1", f"{name.decode()} twice",
              lambda c, name=name: [*c.get(), next(p for p in c.get() if p[0] == name)])  # fmt: skip
for name in (b":method", b":scheme", b":path", b":authority"):
    malformed("RFC 9114 4.3.1", f"no {name.decode()}", without(name))
malformed("RFC 9114 4.3.1", "empty :path", replaced(b":path", b""))
malformed("RFC 9114 4.3.1", "empty :authority", replaced(b":authority", b""))
malformed("RFC 9114 4.3.1", ":path that does not begin with a slash", replaced(b":path", b"bytes/5"))
malformed("RFC 9114 4.3.1", ":path with a space", replaced(b":path", b"/bytes/5 HTTP/1.1"))
malformed("RFC 9114 4.3.1", ":path with a line feed", replaced(b":path", b"/bytes/5\r\nx: y"))
malformed("RFC 9114 4.3.1", ":authority with a user", replaced(b":authority", b"user@localhost"))
malformed("RFC 9114 4.3.1", ":method with a space", replaced(b":method", b"GET /x"))
malformed("RFC 9114 4.3.1", "host that differs from :authority", plus((b"host", b"elsewhere.example")))
malformed("RFC 9114 4.4", "CONNECT with :path and :scheme but no :protocol", replaced(b":method", b"CONNECT"))
malformed("RFC 9114 4.4", "CONNECT without :authority", lambda c: [(b":method", b"CONNECT")])
malformed("RFC 9220 3", ":protocol with GET", lambda c: [*c.get()[:4], (b":protocol", b"websocket")])
malformed("RFC 9220 3", "extended CONNECT without :path",
          lambda c: [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *c.get()[1:3]])  # fmt: skip
malformed("RFC 9220 3", "extended CONNECT without :scheme",
          lambda c: [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *c.get()[2:4]])  # fmt: skip


@case("RFC 9114 4.3", "refuse", "pseudo-header in trailers", "H3_MESSAGE_ERROR")
def _(client):
    return request(client, headers(*client.post()), frame(wire.DATA, b"x"), headers((b":path", b"/other")))


@case("RFC 9114 4.2", "refuse", "upper case in trailers", "H3_MESSAGE_ERROR")
def _(client):
    return request(client, headers(*client.post()), frame(wire.DATA, b"x"), headers((b"X-Upper", b"1")))


@case("RFC 9114 4.2.2", "refuse", "head of 1 MB", "H3_EXCESSIVE_LOAD", "H3_MESSAGE_ERROR", "H3_REQUEST_REJECTED",
      "H3_REQUEST_CANCELLED")  # fmt: skip
def _(client):
    return request(client, headers(*client.get(b"/bytes/5", *((b"x-%d" % i, b"v" * 1000) for i in range(1000)))))


@accepts("RFC 9114 4.2", "te: trailers")
def _(client):
    return request(client, headers(*client.get(b"/bytes/5", (b"te", b"trailers"))))


@accepts("RFC 9114 4.3.1", "host that equals :authority")
def _(client):
    return request(client, headers(*client.get(b"/bytes/5", (b"host", client.authority))))


@accepts("RFC 9114 4.3.1", "host instead of :authority")
def _(client):
    good = without(b":authority")(client)
    return request(client, headers(*good, (b"host", client.authority)))


@accepts("RFC 9114 4.2.1", "cookie in several lines")
def _(client):
    return request(client, headers(*client.get(b"/bytes/5", (b"cookie", b"a=1"), (b"cookie", b"b=2"))))


@case("RFC 9114 4.4", "refuse", "plain CONNECT", "H3_MESSAGE_ERROR", "H3_CONNECT_ERROR", "H3_REQUEST_REJECTED")
def _(client):
    return request(client, headers((b":method", b"CONNECT"), (b":authority", b"localhost:1")), end=False)


# --- QPACK, RFC 9204 ---


def compressed(section, name, make, *expected):
    """`make` gives the whole field section of an otherwise good request."""

    @closes(section, name, *(expected or ("QPACK_DECOMPRESSION_FAILED",)))
    def _(client):
        lines = [literal(n, v) for n, v in client.get()]
        return request(client, frame(wire.HEADERS, make(lines)))


compressed("RFC 9204 3.1", "static table index 99 in a field section", lambda lines: section(*lines, static(99)))
compressed("RFC 9204 3.1", "name reference to static table index 99",
           lambda lines: section(*lines, prefixed(0x50, 4, 99) + b"\x01v"))  # fmt: skip
compressed("RFC 9204 2.2.3", "dynamic table reference with a Required Insert Count of 0",
           lambda lines: section(*lines, prefixed(0x80, 6, 0)))  # fmt: skip
compressed("RFC 9204 2.2.3", "post-base reference with a Required Insert Count of 0",
           lambda lines: section(*lines, prefixed(0x10, 4, 0)))  # fmt: skip
compressed("RFC 9204 4.5.1.1", "Required Insert Count that no table allows",
           lambda lines: section(*lines, prefix=prefixed(0, 8, 1 << 20) + b"\0"))  # fmt: skip
compressed("RFC 9204 4.5.1.2", "negative Base", lambda lines: section(*lines, prefix=b"\x00\x80"))
compressed("RFC 9204 4.5.1", "field section without its prefix", lambda lines: b"\x00")
compressed("RFC 9204 4.5.6", "field line that stops within its name", lambda lines: section(*lines, b"\x27\x20abc"))
compressed("RFC 9204 4.5.6", "field line that stops within its value",
           lambda lines: section(*lines, b"\x21x\x7f\x00abc"))  # fmt: skip
compressed("RFC 9204 4.1.1", "integer beyond 62 bits",
           lambda lines: section(*lines, b"\xff" + b"\xff" * 10 + b"\x01"))  # fmt: skip
# RFC 7541 5.2, by way of RFC 9204 4.1.2: padding of ones, below one byte, no EOS.
compressed("RFC 9204 4.1.2", "Huffman code padded with a whole byte",
           lambda lines: section(*lines, b"\x21x" + b"\x82\x1f\xff"))  # fmt: skip
compressed("RFC 9204 4.1.2", "Huffman code padded with zeros", lambda lines: section(*lines, b"\x21x" + b"\x81\x18"))
compressed("RFC 9204 4.1.2", "Huffman code with EOS", lambda lines: section(*lines, b"\x21x" + b"\x84\xff\xff\xff\xff"))


def encoder(section, name, *instructions):
    @closes(section, name, "QPACK_ENCODER_STREAM_ERROR")
    def _(client):
        client.control()
        client.uni(wire.ENCODER, b"".join(instructions))


encoder("RFC 9204 4.3.1", "table capacity beyond what the server allows", prefixed(0x20, 5, 1 << 30))
encoder("RFC 9204 3.2.2", "insertion into a table of no capacity", prefixed(0x40, 5, 1), b"a\x01b")
encoder("RFC 9204 3.1", "insertion that names static table index 99", prefixed(0xC0, 6, 99), b"\x01v")
encoder("RFC 9204 2.2.3", "duplicate of an entry that is not there", prefixed(0x00, 5, 0))
encoder("RFC 9204 2.2.3", "insertion that names an entry that is not there", prefixed(0x80, 6, 0), b"\x01v")


def decoder(section, name, *instructions):
    @closes(section, name, "QPACK_DECODER_STREAM_ERROR")
    def _(client):
        client.control()
        client.uni(wire.DECODER, b"".join(instructions))


decoder("RFC 9204 4.4.3", "Insert Count Increment of 0", prefixed(0x00, 6, 0))
decoder("RFC 9204 4.4.3", "Insert Count Increment beyond what was inserted", prefixed(0x00, 6, 10))
decoder("RFC 9204 4.4.1", "acknowledgement of a section that needs none", prefixed(0x80, 7, 0))


@accepts("RFC 9204 4.4.2", "cancellation of an unknown stream on the decoder stream")
def _(client):
    client.control()
    client.uni(wire.ENCODER, prefixed(0x20, 5, 0))
    client.uni(wire.DECODER, prefixed(0x40, 6, 400))
    return asked(client)


@accepts("RFC 9204 4.5", "static entries, static names and Huffman codes")
def _(client):
    # :method GET, :scheme https, :path /, then a Huffman coded user agent.
    path = prefixed(0x50, 4, 1) + b"\x08/bytes/5"
    authority = prefixed(0x50, 4, 0) + prefixed(0, 7, len(client.authority)) + client.authority
    agent = prefixed(0x50, 4, 95) + b"\x81\x1f"
    return request(client, frame(wire.HEADERS, section(static(17), static(23), path, authority, agent)))


# --- what the server itself says ---


@case("RFC 9114 6.2.1", "observe", "server begins its control stream with SETTINGS")
async def _(client):
    await client.until(lambda: client.settings() is not None, 2)
    found = client.settings()
    if found is None:
        return "no SETTINGS"
    reserved = [name for name in found if name in (0, 2, 3, 4, 5)]
    return f"reserved settings {reserved}" if reserved else "ok"


@case("RFC 9114 6.2.1", "observe", "server opens one stream of each kind")
async def _(client):
    client.control()
    stream = asked(client)
    await client.until(lambda: stream in client.ended, 2)
    opened = {kind: len(client.peers(kind)) for kind in (wire.CONTROL, wire.ENCODER, wire.DECODER)}
    return "ok" if opened[wire.CONTROL] == 1 and max(opened.values()) == 1 else f"opened {opened}"


@case("RFC 9114 4.1", "observe", "answer to a good request")
async def _(client):
    client.control()
    stream = asked(client)
    await client.until(lambda: stream in client.ended or client.closed, 2)
    body = b"".join(payload for kind, payload in client.frames(stream) if kind == wire.DATA)
    right = client.status(stream) == 200 and body == b"\0\1\2\3\4"
    return "ok" if right else f"status {client.status(stream)}, body {body!r}"
