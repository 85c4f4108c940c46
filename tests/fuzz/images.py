"""Damaged images by the thousand, the same for the same seed, and what scan makes of them."""

import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import segno
from PIL import Image

from tests.fuzz.mutations import cut, flip_bits, overwrite
from tests.helpers import IMPORTING, new_project, set_params

PAYLOAD = "https://a.example/"
NUMBERS = {"B": (0, 1, 3, 16, 127, 255), "H": (0, 1, 255, 7000, 32767, 65535), "I": (0, 1, 65535, 2**31 - 1, 2**32 - 1)}


@cache
def originals() -> list[tuple[str, bytes]]:
    """(extension, file) of one QR code in every format and the kinds of pixel, compression and metadata it has."""
    stream = BytesIO()
    segno.make_qr(PAYLOAD, error="M").save(stream, kind="png", scale=3)
    grey = Image.open(stream).convert("L")
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "turned"
    modes = {mode: grey.convert(mode) for mode in ("1", "L", "P", "RGB", "CMYK", "RGBA", "LA", "I;16")}
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        *(("png", mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "I;16")),
        ("png", "L", {"exif": exif}),
        *(("jpg", mode, {"exif": exif}) for mode in ("L", "RGB", "CMYK")),
        ("jpg", "RGB", {"progressive": True, "restart_marker_blocks": 4}),
        *(("webp", "RGBA", {"lossless": lossless, "exif": exif}) for lossless in (False, True)),
        *(("gif", mode, {}) for mode in ("L", "RGBA")),
        ("gif", "L", {"save_all": True, "append_images": [grey.rotate(90)]}),
        *(("bmp", mode, {}) for mode in ("1", "L", "RGB", "RGBA")),
        *(("tiff", "RGB", {"compression": name}) for name in ("raw", "packbits", "tiff_lzw", "tiff_deflate", "jpeg")),
        ("tiff", "1", {"compression": "group4"}),
        ("tiff", "L", {"save_all": True, "append_images": [grey.rotate(90)], "exif": exif}),
    ]
    files = []
    for extension, mode, options in kinds:
        stream = BytesIO()
        modes[mode].save(stream, Image.registered_extensions()["." + extension], **options)
        files.append((extension, stream.getvalue()))
    return files


def mutants(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """`count` files as (name, content); the n-th depends on `seed` and n alone. Some are damaged more than once."""
    for index in range(count):
        rng = random.Random(f"{seed} {index}")
        extension, data = rng.choice(originals())
        names = [rng.choice(list(MUTATIONS)) for _ in range(rng.choice((1, 1, 2, 3)))]
        for name in names:
            data = MUTATIONS[name](data, rng)
        yield f"{index:06}-{'-'.join(names)}.{extension}", data if rng.random() < 0.5 else with_right_sums(data)


def other_header(data: bytes, rng: random.Random) -> bytes:
    size = rng.choice((4, 8, 16, 64, 200))
    return rng.choice(originals())[1][:size] + data[rng.choice((0, size)) :]


def join(data: bytes, rng: random.Random) -> bytes:
    other, at = rng.choice(originals())[1], rng.randrange(len(data) + 1)
    return rng.choice((data + other, other + data, data[:at] + other + data[at:], data[:at] + other[at:]))


def change_field(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    places = [(at, code) for at, code in fields(data) if at + struct.calcsize(code) <= len(data)]
    if places:
        at, code = rng.choice(places)
        near = (struct.unpack_from(code, data, at)[0] + rng.choice((-1, 1, 2, 8))) % 256 ** struct.calcsize(code)
        struct.pack_into(code, changed, at, rng.choice((*NUMBERS[code[1]], near)))
    return bytes(changed)


MUTATIONS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    change.__name__: change for change in (flip_bits, overwrite, cut, other_header, join, change_field)
}


def fields(data: bytes) -> list[tuple[int, str]]:
    """Where a header says how wide, high, deep or long something is, as (offset, struct format)."""
    places: list[tuple[int, str]] = []
    if data.startswith(b"\x89PNG"):
        places = [(16, ">I"), (20, ">I"), *((at, ">B") for at in range(24, 29)), *((at, ">I") for at in chunks(data))]
    elif data.startswith(b"\xff\xd8"):
        marks = [at for at in range(2, min(len(data) - 4, 2000)) if data[at] == 0xFF and data[at + 1] >= 0xC0]
        sizes = [(at + skip, ">H") for at in marks if data[at + 1] in (0xC0, 0xC2) for skip in (5, 7)]
        places = sizes * 4 + [(at + 2, ">H") for at in marks]
    elif data.startswith(b"RIFF"):
        places = [(4, "<I"), (16, "<I"), *((at, "<H") for at in range(20, 40))]
    elif data.startswith(b"BM"):
        places = [*((at, "<I") for at in (2, 10, 14, 18, 22, 30, 34, 46)), (26, "<H"), (28, "<H")]
    elif data.startswith(b"GIF"):
        frame = data.find(b",")
        places = [(6, "<H"), (8, "<H"), (10, "<B"), (frame + 5, "<H"), (frame + 7, "<H")]
    elif data.startswith(b"II*\0") and len(data) > 8:
        entries = [struct.unpack_from("<I", data, 4)[0] + 2 + 12 * i for i in range(14)]
        places = [(4, "<I"), *((at + k, code) for at in entries for k, code in ((2, "<H"), (4, "<I"), (8, "<I")))]
    return places


def chunks(data: bytes) -> Iterator[int]:
    """Offsets of a PNG file's chunks, as far as their lengths make sense."""
    at = 8
    while at + 12 <= len(data):
        yield at
        at += 12 + struct.unpack_from(">I", data, at)[0]


def with_right_sums(data: bytes) -> bytes:
    """`data` with the check sums of a PNG file made right, so that its decoder looks further."""
    changed = bytearray(data)
    for at in chunks(data) if data.startswith(b"\x89PNG") else ():
        end = at + 8 + struct.unpack_from(">I", data, at)[0]
        if end + 4 <= len(data):
            struct.pack_into(">I", changed, end, zlib.crc32(data[at + 4 : end]))
    return bytes(changed)


def scan(folder: Path, seed: int, count: int, workers: int) -> "subprocess.CompletedProcess[str]":
    """Write the files to data/images/benign in `folder` and scan them."""
    set_params(new_project(folder), {"scan.workers": workers})
    images = folder / "data/images/benign"
    images.mkdir(parents=True, exist_ok=True)
    for name, data in mutants(seed, count):
        (images / name).write_bytes(data)
    command = [sys.executable, "-m", "stages.scan"]
    return subprocess.run(command, cwd=folder, env=IMPORTING, capture_output=True, text=True)


def run(folder: Path, seed: int, count: int, workers: int) -> pd.DataFrame:
    """`count` damaged images in one scan: a row for each, as of tests.fuzz.artefacts.run."""
    ended = scan(folder, seed, count, workers)
    written = ended.returncode == 0
    table = pd.read_parquet(folder / "data/scan.parquet") if written else pd.DataFrame(columns=["path"])
    rows = {Path(row.path).name: row for row in table.itertuples()}
    names = [path.name for path in sorted((folder / "data/images/benign").iterdir())]
    details = ended.stderr[-2000:]
    found = [outcome(rows[name]) if name in rows else ("lost" if written else "traceback", details) for name in names]
    return pd.DataFrame(
        [("images, by scan", int(name[:6]), *one) for name, one in zip(names, found, strict=True)],
        columns=["kind", "number", "outcome", "details"],
    )


def outcome(row: Any) -> tuple[str, str]:
    """(what became of a file, details) by its row of the scan table."""
    details = f"{row.path}: {row.error or row.payload}"
    if row.problem in ("kills_decoder", "out_of_memory"):
        return ("hang" if "did not answer" in row.error else "crash"), details
    if not row.decoded:
        return ("said" if row.error else "silent"), details
    return ("same" if row.payload == PAYLOAD else "silent"), details
