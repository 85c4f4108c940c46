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
