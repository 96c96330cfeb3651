"""The bytes of every generated body: byte i is i mod 251, a prime, so that a
lost or repeated block shows."""

PERIOD = bytes(range(251))


def pattern(offset: int, length: int) -> bytes:
    start = offset % 251
    return (PERIOD * ((start + length) // 251 + 1))[start : start + length]
