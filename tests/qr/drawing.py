"""Pictures of QR codes, drawn on the spot."""

from typing import Any

import cv2
import numpy as np
import zxingcpp


def other_barcode(kind: Any, text: str) -> np.ndarray:
    return np.array(zxingcpp.write_barcode_to_image(zxingcpp.create_barcode(text, kind), scale=6, add_quiet_zones=True))


def tilted(picture: np.ndarray, corners: list[tuple[float, float]], size: int = 600) -> np.ndarray:
    """The picture put into a larger one, its corners (top left, clockwise) at these shares of its side."""
    side = picture.shape[0]
    before = np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float32)
    matrix = cv2.getPerspectiveTransform(before, np.array(corners, np.float32) * size)
    return cv2.warpPerspective(picture, matrix, (size, size), borderValue=(200, 200, 200))


def wiped(code: np.ndarray, module_px: int, border: int = 4) -> np.ndarray:
    """A code of version 3 without what lies between its finder patterns, so that nothing can be read."""
    torn = code.copy()
    low, high = (border + 9) * module_px, (border + 29 - 8) * module_px
    torn[low:, high:] = torn[high:, low:] = torn[low:high, low:high] = 255
    return torn
