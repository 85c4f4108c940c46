"""Find and read the QR codes in a picture (ISO/IEC 18004), with pyzbar as the judge."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import zxingcpp

from stages.common.cli import StageError
from stages.qr.locate import MICRO_QR, PLAIN, QR_CODE, Symbol, alone, contrast, locate, variant

ENOUGH_PX = 4  # pixels a module; zbar reads as well and four times faster than at ten
DRAWN_PX = 2  # the same for a symbol that is alone on clean paper; a third of the time


@dataclass(frozen=True)
class Reading:
    """What the decoders say of one picture. Unknown is None.

    `decoded`: pyzbar read exactly one QR code. `problem` is empty then, else one of several_codes,
    weak_decoder (zxing-cpp reads what pyzbar does not), unreadable_code (found, read by neither),
    micro_qr, other_symbology, no_code; `error` says it in words. `contrast`: grey levels (0..255)
    between paper and ink, see `stages.qr.locate.contrast`.
    """

    decoded: bool = False
    symbols: int = 0
    payload: str | None = None
    version: int | None = None
    ec_level: str | None = None
    mask: int | None = None
    module_px: float | None = None
    quiet_zone: float | None = None
    inverted: bool = False
    mirrored: bool = False
    contrast: float | None = None
    problem: str = ""
    error: str = ""


def require_zbar() -> None:
    """Raise StageError where the zbar library, which pyzbar binds, is not installed."""
    try:
        import pyzbar.pyzbar  # noqa: F401
    except ImportError:
        raise StageError(
            "the zbar library is missing: `sudo apt-get install libzbar0` (Debian, Ubuntu), "
            "`brew install zbar` (macOS), or `make setup`"
        ) from None


def read_symbol(grey: np.ndarray) -> Reading:
    """Read the QR codes in `grey`, uint8 (height, width).

    zxing-cpp, which is fast, locates the symbol and gives version, level and mask; pyzbar decides
    whether the code is readable, on a ladder from cheap to thorough. Module size is the mean side
    of the symbol over its 17 + 4 x version modules; the quiet zone is the smallest distance from a
    corner of the symbol to the picture's edge, in modules.
    """
    found = locate(grey)
    only = found[0] if len(found) == 1 else None
    return replace(_read(grey, found), contrast=round(contrast(grey, only), 2))


def _read(grey: np.ndarray, found: list[Symbol]) -> Reading:
    facts: dict[str, Any] = {}
    if len(found) == 1 and found[0].side:
        facts = _measure(found[0], found[0].side, grey)
    clean = bool(facts) and alone(grey, found[0])
    payloads = next(filter(None, map(_zbar, _ladder(grey, facts.get("module_px"), clean))), [])
    if len(payloads) == 1:
        # zbar guesses the encoding of what is not ASCII; zxing-cpp follows the symbol's own words.
        payload = found[0].text if facts and not payloads[0].isascii() else payloads[0]
        return Reading(True, 1, payload, **facts)
    if len(payloads) > 1 or len(found) > 1:
        count = max(len(payloads), len(found))
        return Reading(symbols=count, problem="several_codes", error=f"{count} QR codes in one picture")
    if found:
        error = "pyzbar cannot read this QR code, zxing-cpp can"
        return Reading(symbols=1, payload=found[0].text, **facts, problem="weak_decoder", error=error)
    return _explain(grey)


def _ladder(grey: np.ndarray, module_px: float | None, clean: bool) -> Iterator[np.ndarray]:
    """What pyzbar gets to see, one after the other until it reads something."""
    if module_px and clean and (step := int(module_px / DRAWN_PX)) > 1:
        yield grey[::step, ::step]
    if module_px and module_px > ENOUGH_PX:
        factor = ENOUGH_PX / module_px
        yield cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    yield grey
    if max(grey.shape) <= 1000:
        yield cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    yield cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]
    yield 255 - grey


def _zbar(grey: np.ndarray) -> list[str]:
    pyzbar = _pyzbar()
    symbols = pyzbar.decode(grey, symbols=[pyzbar.ZBarSymbol.QRCODE])
    return [symbol.data.decode("utf-8", "replace") for symbol in symbols]


@cache
def _pyzbar() -> Any:
    """The module, when it is first needed: without the zbar library it cannot be imported."""
    from pyzbar import pyzbar, wrapper

    # zbar knows symbols whose direction is unknown (-1); pyzbar 0.1.9 reads that as 4294967295 and
    # raises ValueError, losing the symbol. An enum may say what a value it lacks stands for.
    wrapper.ZBarOrientation._missing_ = classmethod(lambda cls, _: cls.UNKNOWN)
    return pyzbar


def _explain(grey: np.ndarray) -> Reading:
    """Why neither decoder reads a QR code here."""
    others = zxingcpp.read_barcodes(grey, text_mode=PLAIN)
    if any(code.format in MICRO_QR for code in others):
        return Reading(problem="micro_qr", error="a Micro QR code, which pyzbar does not read")
    if others:
        return Reading(problem="other_symbology", error=f"no QR code, but {others[0].format}")
    broken = zxingcpp.read_barcodes(grey, formats=QR_CODE, return_errors=True)
    if broken or _finder_patterns(grey):
        return Reading(symbols=1, problem="unreadable_code", error="a QR code is there, but no decoder can read it")
    return Reading(problem="no_code", error="no QR code found")


def _finder_patterns(grey: np.ndarray) -> bool:
    """Whether OpenCV sees the corners of a QR code; it enlarges narrow strips beyond measure, so not in those."""
    shrink = 1000 / max(grey.shape)
    if min(grey.shape) * 8 < max(grey.shape):
        return False
    small = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else grey
    return bool(cv2.QRCodeDetector().detect(small)[0])


def _measure(found: Symbol, side: int, grey: np.ndarray) -> dict[str, Any]:
    height, width = grey.shape
    corners, module_px = found.corners, found.size / side
    margin = min(corners.min(), width - corners[:, 0].max(), height - corners[:, 1].max())
    inverted, mirrored = variant(grey, found)
    return {
        "version": found.version,
        "ec_level": found.ec_level,
        "mask": found.mask,
        "module_px": round(module_px, 2),
        "quiet_zone": round(max(float(margin), 0.0) / module_px, 2),
        "inverted": inverted,
        "mirrored": mirrored,
    }
