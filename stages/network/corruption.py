"""What happens to a printed or photographed QR code on its way to the network, each damage with a strength.

Blur and noise are measured in pixels of the network's input, where the picture's longer side counts as
224, so that a strength means the same for a drawing of 300 pixels and a photograph of 4000.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import Image, ImageFilter
from scipy.spatial.transform import Rotation

from stages.network.view import INPUT_SIDE
from stages.qr.image import square

CAMERA = 3.0  # distance of the camera from the picture, in longer sides of the picture
MAX_CORRUPTED_SIDE = 8192  # pixels of a side; larger pictures are shrunk first, as OpenCV turns none of 32,767
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Corruption:
    """One kind of damage, its unit and the strengths to test with, mild to severe."""

    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    unit: str
    strengths: tuple[float, ...]

    def __call__(self, pixels: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
        """Damaged `pixels`, uint8 (h, w) or (h, w, 3), never mirrored; the pixels themselves where `strength` is 0.

        Within LONGEST only `rotate` and `angle` change the size, to sides of at most 1.5 x the longer one.
        """
        return self.apply(_bounded(pixels), strength, rng) if strength else pixels


def augment(pixels: np.ndarray, largest: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """Every damage named in `largest`, with a strength uniform in 0..largest[name].

    `pixels` is a square, uint8 (side, side) or (side, side, 3), and so is the result. The damages follow
    one another as they do in the world, whatever the order of the keys: first what happens to the paper,
    then to the light, in the lens, in the sensor and to the file. Raises ValueError for an unknown name.
    """
    for name in sorted(largest, key=list(CORRUPTIONS).index):
        pixels = square(CORRUPTIONS[name](pixels, rng.uniform(0, largest[name]), rng), len(pixels))
    return pixels


def rotate(pixels: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Turned by `degrees`, 0..180, in either direction, on white paper."""
    return _seen(pixels, Rotation.from_euler("z", degrees * rng.choice([-1, 1]), degrees=True))


def angle(pixels: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Tilted by `degrees`, below 90, about a random axis in its plane, on white paper."""
    axis = rng.uniform(0, 2 * np.pi)
    return _seen(pixels, Rotation.from_rotvec(degrees * np.array([np.cos(axis), np.sin(axis), 0]), degrees=True))


def darken(pixels: np.ndarray, share: float, _: np.random.Generator) -> np.ndarray:
    """Less light by `share`, 0..1, and so less contrast: black stays black, white becomes 255 x (1 - share)."""
    return cv2.convertScaleAbs(pixels, alpha=1 - share)


def blur(pixels: np.ndarray, sigma: float, _: np.random.Generator) -> np.ndarray:
    """Gaussian blur; `sigma` in pixels of the network's input.

    Pillow's filter is three extended box filters (Gwosdek et al., Theoretical Foundations of Gaussian
    Convolution by Extended Box Filtering, 2011), which take the same time for any sigma.
    """
    return np.array(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma * max(pixels.shape) / INPUT_SIDE)))


def noise(pixels: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise; `deviation` in grey levels before clipping, the same in all channels.

    Its grain is a pixel of the network's input, or of the picture if that is smaller: finer grain in a
    large picture would be averaged away before the network sees it.
    """
    height, width = pixels.shape[:2]
    scale = min(INPUT_SIDE / max(height, width), 1)
    shape = max(round(height * scale), 1), max(round(width * scale), 1)
    drawn = rng.normal(0, deviation, shape).round().astype(np.int16)
    grain = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_NEAREST)
    return cv2.add(pixels, grain if pixels.ndim == 2 else cv2.merge([grain] * 3), dtype=cv2.CV_8U)


def recompress(pixels: np.ndarray, strength: float, _: np.random.Generator) -> np.ndarray:
    """Saved once more as JPEG, with quality 100 - `strength`, 0..99."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=round(100 - strength))
    return np.array(Image.open(file))


def _bounded(pixels: np.ndarray) -> np.ndarray:
    scale = MAX_CORRUPTED_SIDE / max(pixels.shape)
    if scale >= 1:
        return pixels
    height, width = (max(round(side * scale), 1) for side in pixels.shape[:2])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def _seen(pixels: np.ndarray, turned: Rotation) -> np.ndarray:
    """The picture `turned` about its middle, as a pinhole camera above the middle sees it; nothing is cut off."""
    height, width = pixels.shape[:2]
    away = CAMERA * max(height, width)
    # With its focal length the camera sees what is not turned in its own size. The plane has z = 0, so that
    # of the rotation only two columns count (Hartley and Zisserman, Multiple View Geometry, 8.1.1).
    homography = np.diag([away, away, 1]) @ np.column_stack([turned.as_matrix()[:, :2], (0, 0, away)])
    corners = np.array([(-width, -height), (width, -height), (width, height), (-width, height)]) / 2
    seen = cv2.perspectiveTransform(corners[None], homography)[0]
    size = np.ceil(np.ptp(seen, axis=0) - 1e-3).astype(int)
    # OpenCV has (0, 0) in the middle of the first pixel, half a pixel from the corner of the picture.
    homography = _shift(-seen.min(axis=0) - 0.5) @ homography @ _shift((0.5 - width / 2, 0.5 - height / 2))
    return cv2.warpPerspective(pixels, homography, size.tolist(), flags=cv2.INTER_LINEAR, borderValue=WHITE)


def _shift(by: np.ndarray | tuple[float, float]) -> np.ndarray:
    matrix = np.eye(3)
    matrix[:2, 2] = by
    return matrix


CORRUPTIONS = {
    "rotate": Corruption(rotate, "degrees", (3, 10, 45, 180)),
    "angle": Corruption(angle, "degrees", (10, 25, 40, 55)),
    "darken": Corruption(darken, "share of the light", (0.3, 0.5, 0.7, 0.9)),
    "blur": Corruption(blur, "pixels of 224", (0.5, 1, 2, 4)),
    "noise": Corruption(noise, "grey levels", (10, 25, 50, 100)),
    "recompress": Corruption(recompress, "100 - JPEG quality", (50, 80, 90, 95)),
}
