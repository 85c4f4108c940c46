import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from stages.predict.sources.item import Limits
from tests.predict.asking import URL, found, picture, png


def animated(kind: str, *frames: Image.Image, **options: Any) -> bytes:
    stream = BytesIO()
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:], **options)
    return stream.getvalue()


def white() -> Image.Image:
    return Image.new("L", picture().size, 255)


@pytest.mark.parametrize(("kind", "options"), [("GIF", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("PNG", {})])
def test_the_code_on_a_later_frame_is_found(kind: str, options: dict[str, Any]) -> None:
    assert found("x", animated(kind, white(), picture(), **options)) == [("frame 2", URL)]


def test_the_same_code_in_the_same_pixels_is_one_answer() -> None:
    frames = (picture(), white(), picture(), picture("https://other.example/"))
    assert found("x.gif", animated("GIF", *frames)) == [("frame 1", URL), ("frame 4", "https://other.example/")]


def test_frames_without_a_code_are_one_answer() -> None:
    assert found("x.tiff", animated("TIFF", white(), white())) == [("", "no_code")]


def test_a_damaged_frame_costs_one_answer() -> None:
    content = bytearray(animated("TIFF", picture(), picture("https://other.example/"), compression="tiff_deflate"))
    at = content.rindex(b"\x78\x9c") if b"\x78\x9c" in content else len(content) // 2
    content[at : at + 40] = bytes(40)
    assert sorted(said for _, said in found("x.tiff", bytes(content))) in (
        [URL, "truncated"], ["https://other.example/", "truncated"],
    )  # fmt: skip


def test_a_picture_that_would_be_huge_is_not_decoded() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side = 20_000
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    packed = zlib.compress(bytes((side // 8 + 1) * 1000))
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    assert found("bomb.png", bomb) == [("", "too_large")]
    assert found("x.gif", animated("GIF", white(), picture()), Limits(max_pixels=1000))[0][1] == "too_large"
    assert found("x.png", png(), Limits(max_pixels=1000)) == [("", "too_large")]
