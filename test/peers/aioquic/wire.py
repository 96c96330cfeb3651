"""HTTP/3 and QPACK as bytes, without any rule: what a conforming library would
refuse to send is the point."""

# Frame types, RFC 9114 section 7.2.
DATA, HEADERS, CANCEL_PUSH, SETTINGS, PUSH_PROMISE, GOAWAY, MAX_PUSH_ID = 0, 1, 3, 4, 5, 7, 13
# Unidirectional stream types, RFC 9114 section 6.2 and RFC 9204 section 4.2.
CONTROL, PUSH, ENCODER, DECODER = 0, 1, 2, 3


def varint(value: int, size: int | None = None) -> bytes:
    """RFC 9000 section 16; `size` forces a longer form than needed."""
    needed = 1 if value < 1 << 6 else 2 if value < 1 << 14 else 4 if value < 1 << 30 else 8
    size = size or needed
    mark = {1: 0, 2: 1, 4: 2, 8: 3}[size] << (size * 8 - 2)
    return (value | mark).to_bytes(size, "big")


def frame(kind: int, payload: bytes = b"") -> bytes:
    return varint(kind) + varint(len(payload)) + payload


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, b"".join(varint(name) + varint(value) for name, value in pairs))


def prefixed(first: int, bits: int, value: int) -> bytes:
    """RFC 7541 section 5.1: an integer in the low `bits` of `first`."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    out = [first | limit]
    value -= limit
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def literal(name: bytes, value: bytes) -> bytes:
    """RFC 9204 section 4.5.6, without Huffman coding."""
    return prefixed(0x20, 3, len(name)) + name + prefixed(0, 7, len(value)) + value


def static(index: int) -> bytes:
    """RFC 9204 section 4.5.2, from the static table."""
    return prefixed(0xC0, 6, index)


def section(*lines: bytes, prefix: bytes = b"\x00\x00") -> bytes:
    """A field section whose prefix says that no dynamic table is used."""
    return prefix + b"".join(lines)


def fields(*pairs: tuple[bytes, bytes]) -> bytes:
    return section(*(literal(name, value) for name, value in pairs))


def headers(*pairs: tuple[bytes, bytes]) -> bytes:
    return frame(HEADERS, fields(*pairs))
