"""From the bytes of a file to pixels, within bounds. The only place where image files are decoded."""

import struct
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageOps

from stages.common.turn import take_turn
from stages.qr.problem import Problem

# Named, because Pillow would otherwise also try its rarer and less tested decoders.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
MAX_SIDE = 65_535  # pixels of a side; zxing-cpp takes no more
LARGE = 16_000_000  # pixels; a worker takes half a gigabyte or more for such a picture, and they are read in turn
VISIBLE = 32  # grey levels from the paper; zxing-cpp and zbar need 24 or so
# What Pillow raises for an EXIF block that it cannot parse; the picture itself is whole, and is not rotated.
UNREADABLE_EXIF = (SyntaxError, ValueError, TypeError, KeyError, IndexError, OSError, OverflowError, struct.error)
Image.MAX_IMAGE_PIXELS = None  # `decode` has a bound of its own, as an error instead of a warning


class UnusableImageError(Exception):
    """The file cannot serve as a sample: `problem` is its code, the message says why."""

    def __init__(self, problem: Problem, message: str) -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True)
class Picture:
    """A decoded image: its pixels, rotated as EXIF says and without transparency, and the facts in its header."""

    pixels: np.ndarray  # uint8, (height, width) if grey, else (height, width, 3) RGB
    format: str
    width: int
    height: int
    channels: int


def decode(data: bytes, max_pixels: int) -> Picture:
    """Decode an image file; `max_pixels` is checked against its header before any pixel is read.

    Transparent is white, or black where white would hide all that is drawn; EXIF rotation is applied;
    16 bits a channel become 8. Raises UnusableImageError with problem EMPTY, NOT_AN_IMAGE, TOO_LARGE,
    SEVERAL_FRAMES, TRUNCATED or BLACK_16_BIT, and MemoryError where the machine has too little.
    """
    if not data:
        raise UnusableImageError(Problem.EMPTY, "empty file")
    try:
        image: Image.Image = Image.open(BytesIO(data), formats=FORMATS)
    except MemoryError:
        raise
    except Exception as error:  # whatever a header can provoke in the decoders is the file's fault
        raise UnusableImageError(Problem.NOT_AN_IMAGE, "not an image, or its header is damaged") from error
    width, height, channels = image.width, image.height, len(image.getbands())
    _admit(image, max_pixels)
    format_ = image.format or ""
    try:
        frames = getattr(image, "n_frames", 1)
        pixels = _on_paper(_upright(image))
    except (MemoryError, UnusableImageError):
        raise
    except Exception as error:
        raise UnusableImageError(Problem.TRUNCATED, "truncated or damaged image data") from error
    # Telephones write JPEGs with a second, smaller picture (MPO); the first is the photograph.
    if frames > 1 and format_ != "MPO":
        raise UnusableImageError(Problem.SEVERAL_FRAMES, f"{frames} frames in one file")
    return Picture(pixels, format_, width, height, channels)


def open_frames(data: bytes) -> Image.Image | None:
    """The image file whose frames `decode_frame` decodes; None where it has only one, or is for `decode` to judge."""
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
        return image if getattr(image, "n_frames", 1) > 1 and image.format != "MPO" else None
    except Exception:
        return None


def decode_frame(image: Image.Image, index: int, max_pixels: int) -> np.ndarray:
    """Pixels of a frame, as `decode` gives them; from first to last takes the least time. Raises as `decode` does."""
    try:
        image.seek(index)
        _admit(image, max_pixels)
        return _on_paper(_upright(image))
    except (MemoryError, UnusableImageError):
        raise
    except Exception as error:
        raise UnusableImageError(Problem.TRUNCATED, "truncated or damaged image data") from error


def _admit(image: Image.Image, max_pixels: int) -> None:
    """Raise UnusableImageError for a picture that is too large; wait for this process's turn with a large one."""
    width, height = image.size
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        bounds = f"scan.max_pixels = {max_pixels:,}, or than {MAX_SIDE:,} to a side"
        raise UnusableImageError(Problem.TOO_LARGE, f"{width} x {height} pixels, more than {bounds}")
    if width * height > LARGE:
        take_turn()


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    with suppress(*UNREADABLE_EXIF):
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            return ImageOps.exif_transpose(image)
    return image


def _on_paper(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):  # 16-bit grey
        return _eight_bits(np.asarray(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        pixels = _composed(image, "white")
        drawn = np.asarray(image.getchannel("A")) >= 128
        visible = drawn & (grey(pixels) <= 255 - VISIBLE)
        # A drawing in white would be gone; a dark speck in it does not help.
        hidden = visible.sum() < drawn.sum() / 100 and not drawn.all()
        return _composed(image, "black") if hidden else pixels
    if image.mode == "1":  # in half of the time that convert takes
        return np.frombuffer(image.tobytes("raw", "L"), np.uint8).reshape(image.height, image.width)
    return np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))


def _composed(image: Image.Image, paper: str) -> np.ndarray:
    return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, paper), image).convert("RGB"))


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    most = int(pixels.max())
    if 0 < most <= 255:  # not 0: black is black in both
        error = f"black: 16 bits a pixel, but no value above {most:,} of 65,535; multiply them by {65_535 // most:,}"
        raise UnusableImageError(Problem.BLACK_16_BIT, error)
    return (pixels.clip(0, 65_535) // 257).astype(np.uint8)


def grey(pixels: np.ndarray) -> np.ndarray:
    """Luma of RGB pixels, uint8 (height, width); grey pixels are returned as they are."""
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def square(pixels: np.ndarray, side: int) -> np.ndarray:
    """Pixels as the network sees them: shrunk by area (or enlarged) to `side`, padded with white to a square."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    across, up = max(round(width * scale), 1), max(round(height * scale), 1)
    pixels = cv2.resize(pixels, (across, up), interpolation=cv2.INTER_AREA)
    if (across, up) == (side, side):
        return pixels
    down, right = side - up, side - across
    border = (down // 2, down - down // 2, right // 2, right - right // 2)
    return cv2.copyMakeBorder(pixels, *border, cv2.BORDER_CONSTANT, value=(255, 255, 255))
