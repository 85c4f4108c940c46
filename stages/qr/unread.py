"""What can be said of a picture in which no QR code was located, and whether it is worth a longer search."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import zxingcpp

from stages.qr.locate import FORMAT, MICRO_QR, PLAIN, QR_CODE
from stages.qr.problem import Problem

SQUARES = zxingcpp.BarcodeFormats([FORMAT.AllMatrix])
BARS = zxingcpp.BarcodeFormats([FORMAT.AllLinear])
SEARCHED = 1000  # pixels of a side; larger pictures are shrunk for the attempts that seldom help
# Pixels of a side for OpenCV, which enlarges smaller pictures to it; with 1,000 it is right no more often.
FINDER_PX = 512
MARGIN = 2  # pixels


@dataclass(frozen=True)
class Unread:
    """Grey pixels, uint8 (height, width), in which zxing-cpp locates no QR code; nothing is sought until asked for."""

    picture: np.ndarray

    @cached_property
    def finders(self) -> bool:
        """Whether there is a QR code to be seen: three finder patterns, for zxing-cpp or else for OpenCV."""
        return _broken(self.picture) or _finder_patterns(self.picture)

    @cached_property
    def promising(self) -> bool:
        """Whether a QR code may be there, be it a small one: enlarging the picture may help."""
        if 2 * max(self.picture.shape) <= FINDER_PX:  # to try takes less time than to find out
            return True
        return self.finders or (max(self.picture.shape) <= SEARCHED and _broken(enlarged(self.picture)))

    @property
    def light_on_dark(self) -> bool:
        """Whether the picture's edges are darker than the whole, as around a symbol in light ink on dark paper."""
        inner = self.picture[MARGIN:-MARGIN, MARGIN:-MARGIN]
        edges = int(self.picture.sum(dtype=np.int64)) - int(inner.sum(dtype=np.int64))
        return edges * self.picture.size < int(self.picture.sum(dtype=np.int64)) * (self.picture.size - inner.size)

    def why(self) -> tuple[Problem, str]:
        """Why neither decoder reads a QR code here, and that in words."""
        others = _of_any_format(self.picture)
        if any(code.format in MICRO_QR for code in others):
            return Problem.MICRO_QR, "a Micro QR code, which pyzbar does not read"
        kinds = [code.format for code in others]
        if kinds and FORMAT.QRCode not in kinds:
            return Problem.OTHER_SYMBOLOGY, f"no QR code, but {kinds[0]}"
        if kinds or self.finders:  # in a smaller copy some codes can be read whose modules do not touch
            return Problem.UNREADABLE_CODE, "a QR code is there, but no decoder can read it"
        return Problem.NO_CODE, "no QR code found"


def shrunk(picture: np.ndarray, longest: int) -> tuple[np.ndarray, float]:
    """`picture` with its longer side at most `longest` pixels, and how many of its pixels one of these is."""
    scale = max(picture.shape) / longest
    if scale <= 1:
        return picture, 1
    fy, fx = (max(1 / scale, 1 / side) for side in picture.shape)  # of a strip, a pixel stays
    return cv2.resize(picture, None, fx=fx, fy=fy, interpolation=cv2.INTER_AREA), scale


def enlarged(picture: np.ndarray) -> np.ndarray:
    """`picture` at twice its size, for small modules."""
    return cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)


def _of_any_format(picture: np.ndarray) -> list[zxingcpp.Barcode]:
    """The codes of all formats; in a large picture squares, which take the most time, are sought in a smaller copy."""
    small = shrunk(picture, SEARCHED)[0]
    if small is picture:
        return zxingcpp.read_barcodes(picture, text_mode=PLAIN)
    squares = zxingcpp.read_barcodes(small, formats=SQUARES, text_mode=PLAIN)
    return [*squares, *zxingcpp.read_barcodes(picture, formats=BARS, text_mode=PLAIN)]


def _broken(picture: np.ndarray) -> bool:
    return bool(zxingcpp.read_barcodes(picture, formats=QR_CODE, return_errors=True))


def _finder_patterns(picture: np.ndarray) -> bool:
    """Whether OpenCV sees the corners of a QR code; it enlarges narrow strips beyond measure, so not in those."""
    if min(picture.shape) * 8 < max(picture.shape):
        return False
    cv2.setRNGSeed(0)  # it draws random numbers, which would make an answer depend on those before it
    return bool(cv2.QRCodeDetector().detect(shrunk(picture, FINDER_PX)[0])[0])
