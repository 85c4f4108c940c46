"""Ways to damage any file; each gets its bytes and a source of random numbers, and returns other bytes."""

import random


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 4, 32)) if data else 0):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def overwrite(data: bytes, rng: random.Random) -> bytes:
    start, size = rng.randrange(len(data) + 1), rng.choice((1, 4, 64, 512))
    run = rng.choice((b"\0" * size, b"\xff" * size, rng.randbytes(size)))
    return data[:start] + run + data[start + size :]


def cut(data: bytes, rng: random.Random) -> bytes:
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return rng.choice((data[:end], data[:start] + data[end:], data[start:]))
