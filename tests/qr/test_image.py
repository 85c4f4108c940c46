import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import segno
from PIL import Image

from stages.qr import image
from stages.qr.image import UnusableImageError, decode, decode_frame, grey, open_frames, square

# A picture that is not its own mirror image: left half black, right half white, 8 wide and 4 high.
HALVES = np.repeat(np.array([[0] * 4 + [255] * 4], np.uint8), 4, axis=0)


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_alpha(mode: str) -> Image.Image:
    """HALVES, all of it black, but transparent where it is white."""
    return Image.merge(mode, [Image.new("L", (8, 4))] * (len(mode) - 1) + [Image.fromarray(255 - HALVES)])


def palette_with_transparency() -> bytes:
    image = Image.fromarray((HALVES == 255).astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 255, 0, 0])  # the transparent colour is red, and must not be seen
    return encode(image, transparency=1)


@pytest.mark.parametrize(
    ("data", "kind", "channels"),
    [
        pytest.param(encode(Image.fromarray(HALVES).convert("1")), "PNG", 1, id="1-bit"),
        pytest.param(encode(Image.fromarray(HALVES)), "PNG", 1, id="grey"),
        pytest.param(encode(Image.fromarray(HALVES).convert("RGB")), "PNG", 3, id="RGB"),
        pytest.param(encode(Image.fromarray(HALVES).convert("P")), "PNG", 1, id="palette"),
        pytest.param(palette_with_transparency(), "PNG", 1, id="palette, transparent"),
        pytest.param(encode(with_alpha("LA")), "PNG", 2, id="LA, transparent"),
        pytest.param(encode(with_alpha("RGBA")), "PNG", 4, id="RGBA, transparent"),
        pytest.param(encode(Image.fromarray(HALVES.astype(np.uint16) * 257)), "PNG", 1, id="16-bit grey"),
        pytest.param(encode(Image.fromarray(HALVES.astype(np.uint16) * 257), "TIFF"), "TIFF", 1, id="16-bit TIFF"),
        pytest.param(encode(Image.fromarray(HALVES).convert("CMYK"), "JPEG", quality=100), "JPEG", 4, id="CMYK"),
        pytest.param(encode(Image.fromarray(HALVES), "JPEG", quality=100), "JPEG", 1, id="JPEG"),
        pytest.param(encode(Image.fromarray(HALVES).convert("RGB"), "WEBP", lossless=True), "WEBP", 3, id="WebP"),
        pytest.param(encode(with_alpha("RGBA"), "WEBP", lossless=True), "WEBP", 4, id="WebP, transparent"),
        pytest.param(encode(Image.fromarray(HALVES), "GIF"), "GIF", 1, id="GIF"),
        pytest.param(encode(Image.fromarray(HALVES), "BMP"), "BMP", 1, id="BMP"),
    ],
)
def test_the_same_picture_comes_out_of_every_format(data: bytes, kind: str, channels: int) -> None:
    picture = decode(data, max_pixels=32)
    assert (picture.format, picture.channels, picture.width, picture.height) == (kind, channels, 8, 4)
    assert picture.pixels.dtype == np.uint8
    np.testing.assert_allclose(grey(picture.pixels).astype(int), HALVES, atol=3)


def test_sixteen_bits_become_eight() -> None:
    shades = np.array([[0, 257, 32768, 65535]], np.uint16)
    assert decode(encode(Image.fromarray(shades)), 4).pixels.tolist() == [[0, 1, 127, 255]]


@pytest.mark.parametrize("most", [1, 15, 255])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_small_values_in_sixteen_bits_are_told_as_such(most: int, kind: str) -> None:
    """An array of 0/1, of 4 or of 8 bits, saved as it is: black to everybody."""
    data = encode(Image.fromarray((HALVES // 255 * most).astype(np.uint16)), kind)
    with pytest.raises(
        UnusableImageError, match=rf"no value above {most} of 65,535; multiply them by {65535 // most:,}"
    ):
        decode(data, 32)


def test_black_in_sixteen_bits_is_black() -> None:
    assert not decode(encode(Image.fromarray(np.zeros((4, 8), np.uint16))), 32).pixels.any()


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("speck", [False, True])
def test_white_on_transparent_is_put_on_black(mode: str, speck: bool) -> None:
    bands = [Image.new("L", (40, 40), 255)] * (len(mode) - 1)
    alpha = np.zeros((40, 40), np.uint8)
    alpha[:, :20] = 255
    transparent = Image.merge(mode, [*bands, Image.fromarray(alpha)])
    if speck:
        transparent.putpixel((3, 3), (0,) * (len(mode) - 1) + (255,))
    pixels = grey(decode(encode(transparent), 1600).pixels)
    assert (pixels[0, 0], pixels[0, 39]) == (255, 0)


@pytest.mark.parametrize("level", [0, 120, 200])
def test_what_can_be_seen_on_white_stays_on_white(level: int) -> None:
    alpha = np.zeros((40, 40), np.uint8)
    alpha[:, :20] = 255
    transparent = Image.merge("LA", [Image.new("L", (40, 40), level), Image.fromarray(alpha)])
    pixels = grey(decode(encode(transparent), 1600).pixels)
    assert (pixels[0, 0], pixels[0, 39]) == (level, 255)
    opaque = Image.merge("LA", [Image.new("L", (40, 40), 255), Image.new("L", (40, 40), 255)])
    assert grey(decode(encode(opaque), 1600).pixels).min() == 255


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("exif", [b"no header at all", b"Exif\0\0MM\0*\0\0\0\x08\0\x09" + b"\xff" * 40])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_picture_with_a_broken_exif_block_is_whole(kind: str, exif: bytes) -> None:
    options = {} if kind == "JPEG" else {"lossless": True}
    pixels = decode(encode(Image.fromarray(HALVES), kind, exif=exif, **options), 32).pixels
    np.testing.assert_allclose(grey(pixels).astype(int), HALVES, atol=8)


@pytest.mark.parametrize("where", ["PIL.Image.open", "PIL.ImageFile.ImageFile.load"])
def test_short_memory_is_not_the_fault_of_the_file(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(Image.fromarray(HALVES))

    def short(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(where, short)
    with pytest.raises(MemoryError):
        decode(data, 32)


def animation() -> Image.Image:
    """HALVES, and then their opposite."""
    opened = open_frames(encode(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]))
    assert opened
    return opened


def test_large_pictures_are_decoded_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr(image, "take_turn", lambda: taken.append(1))
    monkeypatch.setattr(image, "LARGE", 31)
    decode(encode(Image.fromarray(HALVES[:3])), 100)
    assert not taken
    decode(encode(Image.fromarray(HALVES)), 100)
    assert taken == [1]
    decode_frame(animation(), 1, 100)
    assert taken == [1, 1]


def test_a_frame_has_the_bounds_of_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    np.testing.assert_array_equal(grey(decode_frame(animation(), 1, 32)), 255 - HALVES)
    with pytest.raises(UnusableImageError, match=r"8 x 4 pixels, more than scan\.max_pixels = 31") as error:
        decode_frame(animation(), 1, 31)
    assert error.value.problem == "too_large"
    monkeypatch.setattr(image, "MAX_SIDE", 7)
    with pytest.raises(UnusableImageError, match=r"more than .* 7 to a side"):
        decode_frame(animation(), 1, 32)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_a_photo_is_turned_upright(orientation: int, turns: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(encode(Image.fromarray(HALVES), "JPEG", quality=100, exif=exif), 32).pixels
    np.testing.assert_allclose(pixels.astype(int), np.rot90(HALVES, turns), atol=3)


def qr_png() -> bytes:
    file = BytesIO()
    segno.make_qr("https://a.example/").save(file, kind="png", scale=8)
    return file.getvalue()


FRAMES = [Image.fromarray(HALVES), Image.fromarray(255 - HALVES)]


@pytest.mark.parametrize(
    ("problem", "data"),
    [
        pytest.param("empty", b"", id="empty"),
        pytest.param("not_an_image", b"not a picture\n" * 50, id="text"),
        pytest.param("not_an_image", qr_png()[:20], id="cut off in the header"),
        pytest.param("not_an_image", encode(FRAMES[0].convert("RGB"), "PPM"), id="a format that is not allowed"),
        pytest.param("truncated", qr_png()[: len(qr_png()) // 2], id="cut off in the pixels"),
        pytest.param("truncated", encode(Image.new("RGB", (99, 99)), "JPEG")[:-60], id="cut off JPEG"),
        pytest.param("truncated", qr_png()[:60] + b"\0" * 40 + qr_png()[100:], id="overwritten"),
        pytest.param(
            "several_frames", encode(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]), id="animation"
        ),
    ],
)
def test_a_file_that_is_no_whole_image_is_refused(problem: str, data: bytes) -> None:
    with pytest.raises(UnusableImageError, match=r".") as error:
        decode(data, 10_000_000)
    assert error.value.problem == problem


def test_too_many_pixels_are_refused_by_the_header_alone() -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 50_000, 8, 2, 0, 0, 0))
    with pytest.raises(UnusableImageError, match=r"60000 x 50000 pixels.*scan\.max_pixels = 1,?000"):
        decode(header + chunk(b"IDAT", b"") + chunk(b"IEND", b""), 1000)


def test_the_bound_itself_is_allowed() -> None:
    data = encode(Image.fromarray(HALVES))
    assert decode(data, 32).width == 8
    with pytest.raises(UnusableImageError, match="max_pixels"):
        decode(data, 31)


@pytest.mark.parametrize("shape", [(40, 100), (100, 40), (64, 64), (40, 100, 3), (101, 40, 3)])
def test_the_network_sees_a_square_on_white(shape: tuple[int, ...]) -> None:
    pixels = square(np.zeros(shape, np.uint8), 50)
    assert pixels.shape == (50, 50, *shape[2:])
    black = (pixels == 0).mean()
    assert black == pytest.approx(min(shape[:2]) / max(shape[:2]), abs=0.05)
    if shape[0] != shape[1]:
        assert (pixels[0, 0] == 255).all()
        assert (pixels[-1, -1] == 255).all()
