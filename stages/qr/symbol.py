"""Find and read the QR codes in a picture (ISO/IEC 18004), with pyzbar as the judge."""

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
import zxingcpp

from stages.common.cli import StageError

QR_CODE = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
ENOUGH_PX = 4  # pixels a module; zbar reads as well and four times faster than at ten


@dataclass(frozen=True)
class Reading:
    """What the decoders say of one picture. Unknown is None; `error` is empty where exactly one code was read."""

    symbols: int = 0
    payload: str | None = None
    version: int | None = None
    ec_level: str | None = None
    mask: int | None = None
    module_px: float | None = None
    quiet_zone: float | None = None
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


def read(grey: np.ndarray) -> Reading:
    """Read the QR codes in `grey`, uint8 (height, width).

    zxing-cpp, which is fast, locates the symbol and gives version, level and mask; pyzbar decides
    whether the code is readable, at ENOUGH_PX pixels a module first and at full size if that fails.
    Module size is the mean side of the symbol over its 17 + 4 x version modules; the quiet zone is
    the smallest distance from a corner of the symbol to the picture's edge, in modules.
    """
    found = zxingcpp.read_barcodes(grey, formats=QR_CODE)
    facts: dict[str, Any] = {}
    if len(found) == 1 and str(_extra(found[0]).get("Version", "")).isdigit():
        facts = _measure(found[0], *grey.shape)
    payloads = _zbar(_shrunk(grey, facts["module_px"])) if facts else []
    if not payloads:
        payloads = _zbar(grey)
    if len(payloads) == 1:
        return Reading(symbols=1, payload=payloads[0], **facts)
    if payloads:
        return Reading(symbols=len(payloads), error=f"{len(payloads)} QR codes in one picture")
    if found:
        return Reading(symbols=len(found), **facts, error="QR code found, but pyzbar cannot read it (zxing-cpp can)")
    return Reading(error="no readable QR code")


def _extra(code: zxingcpp.Barcode) -> dict[str, Any]:
    return cast("dict[str, Any]", code.extra)  # its type stub says object


def _measure(code: zxingcpp.Barcode, height: int, width: int) -> dict[str, Any]:
    extra = _extra(code)
    corners = np.array(
        [(p.x, p.y) for p in (code.position.top_left, code.position.top_right,
                              code.position.bottom_right, code.position.bottom_left)], dtype=float
    )  # fmt: skip
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    version = int(extra["Version"])
    module_px = float(sides.mean()) / (17 + 4 * version)
    margin = min(corners.min(), width - corners[:, 0].max(), height - corners[:, 1].max())
    return {
        "version": version,
        "ec_level": extra.get("ECLevel"),
        "mask": extra.get("DataMask"),
        "module_px": round(module_px, 2),
        "quiet_zone": round(max(float(margin), 0.0) / module_px, 2),
    }


def _shrunk(grey: np.ndarray, module_px: float) -> np.ndarray:
    factor = ENOUGH_PX / module_px
    return grey if factor >= 1 else cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def _zbar(grey: np.ndarray) -> list[str]:
    from pyzbar import pyzbar, wrapper

    # zbar knows symbols whose direction is unknown (-1); pyzbar 0.1.9 reads that as 4294967295 and
    # raises ValueError, losing the symbol. An enum may say what a value it lacks stands for.
    wrapper.ZBarOrientation._missing_ = classmethod(lambda cls, _: cls.UNKNOWN)
    symbols = pyzbar.decode(np.ascontiguousarray(grey), symbols=[pyzbar.ZBarSymbol.QRCODE])
    return [symbol.data.decode("utf-8", "replace") for symbol in symbols]
