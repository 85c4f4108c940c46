"""Corruptions: what happens to a printed or photographed QR code before the network sees it.

A new one is a function below with its row above it, and a test in tests/network/test_corruption.py. It then is
a name for `augment` in params.yaml, a row in the stage robustness, a chart on the page and a plot of DVC.
They follow one another as in the world, which is the order here: first what happens to the paper, then
to the light, in the lens, in the sensor and to the file.

Blur and noise are measured in pixels of the network's input, where the picture's longer side counts as
224, so that a severity means the same for a drawing of 300 pixels and a photograph of 4000.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from zlib import crc32

import cv2
import numpy as np
from PIL import Image, ImageFilter
from scipy.spatial.transform import Rotation

from stages.common.cli import StageError
from stages.common.settings import refuse_unknown
from stages.network.input import Input
from stages.network.view import INPUT_SIDE
from stages.qr.image import square

CAMERA = 3.0  # distance of the camera from the picture, in longer sides of the picture
MAX_CORRUPTED_SIDE = 8192  # pixels of a side; larger pictures are shrunk first, as OpenCV turns none of 32,767
WHITE = (255, 255, 255)

Apply = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Corruption:
    """A corruption with its row: its title in captions, the unit of its severity, and which severities make sense."""

    apply: Apply
    title: str
    unit: str
    severities: tuple[float, ...]  # to test with, mild to severe
    largest: float  # that `augment` in params.yaml may have

    def __call__(self, pixels: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
        """Corrupted `pixels`, uint8 (h, w) or (h, w, 3), never mirrored; the pixels themselves where `severity` is 0.

        Within MAX_CORRUPTED_SIDE only `rotate` and `angle` change the size, to sides of at most 1.5 x the longer one.
        """
        return self.apply(_bounded(pixels), severity, rng) if severity else pixels


CORRUPTIONS: dict[str, Corruption] = {}  # by the name of the function, in the order of the functions below


def corruption(title: str, unit: str, severities: tuple[float, ...], largest: float) -> Callable[[Apply], Apply]:
    """Enter the function that follows, called with pixels, severity and random numbers, as a Corruption."""

    def enter(apply: Apply) -> Apply:
        CORRUPTIONS[apply.__name__] = Corruption(apply, title, unit, severities, largest)
        return apply

    return enter


def augment(pixels: np.ndarray, largest: dict[str, float], *seed: int) -> np.ndarray:
    """Every corruption named in `largest`, with a severity uniform in 0..largest[name], in the order of CORRUPTIONS.

    `pixels` is a square, uint8 (side, side) or (side, side, 3), and so is the result. `seed` are numbers >= 0.
    Raises ValueError for an unknown name; see `check_augment`.
    """
    for name in sorted(largest, key=list(CORRUPTIONS).index):
        rng = random_source(name, *seed)
        pixels = square(CORRUPTIONS[name](pixels, rng.uniform(0, largest[name]), rng), len(pixels))
    return pixels


def random_source(name: str, *seed: int) -> np.random.Generator:
    """The random numbers of the corruption `name` for `seed`, whatever other corruptions there are."""
    return np.random.default_rng((*seed, crc32(name.encode())))


def check_augment(largest: dict[str, float], takes: Input) -> None:
    """Raise StageError, a line a problem, for a name or a severity in `largest` (params.augment) that cannot be.

    Also for any corruption (a severity above 0) where the network `takes` no pictures.
    """
    refuse_unknown(largest, CORRUPTIONS, "augment")
    problems = []
    for name, severity in largest.items():
        row = CORRUPTIONS[name]
        if not 0 <= severity <= row.largest:
            problems.append(f"augment.{name} is {severity:g}: it must be from 0 to {row.largest:g} ({row.unit})")
        elif severity and not takes.picture:
            problems.append(
                f"augment.{name} is for networks that take pictures, and this one takes {takes.name}; set it to 0"
            )
    if problems:
        raise StageError("\n".join(f"params.yaml: {problem}" for problem in problems))


@corruption("rotation", unit="degrees", severities=(3, 10, 45, 180), largest=180)
def rotate(pixels: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Turned by `degrees`, 0..180, in either direction, on white paper."""
    return _seen(pixels, Rotation.from_euler("z", degrees * rng.choice([-1, 1]), degrees=True))


@corruption("camera angle", unit="degrees", severities=(10, 25, 40, 55), largest=60)
def angle(pixels: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Tilted by `degrees`, below 90, about a random axis in its plane, on white paper."""
    axis = rng.uniform(0, 2 * np.pi)
    return _seen(pixels, Rotation.from_rotvec(degrees * np.array([np.cos(axis), np.sin(axis), 0]), degrees=True))


@corruption("less light", unit="share of the light", severities=(0.3, 0.5, 0.7, 0.9), largest=0.99)
def darken(pixels: np.ndarray, share: float, _: np.random.Generator) -> np.ndarray:
    """Less light by `share`, 0..1, and so less contrast: black stays black, white becomes 255 x (1 - share)."""
    return cv2.convertScaleAbs(pixels, alpha=1 - share)


@corruption("blur", unit="pixels of 224", severities=(0.5, 1, 2, 4), largest=10)
def blur(pixels: np.ndarray, sigma: float, _: np.random.Generator) -> np.ndarray:
    """Gaussian blur; `sigma` in pixels of the network's input.

    Pillow's filter is three extended box filters (Gwosdek et al., Theoretical Foundations of Gaussian
    Convolution by Extended Box Filtering, 2011), which take the same time for any sigma.
    """
    return np.array(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma * max(pixels.shape) / INPUT_SIDE)))


@corruption("noise", unit="grey levels", severities=(10, 25, 50, 100), largest=255)
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


@corruption("JPEG compression", unit="100 - JPEG quality", severities=(50, 80, 90, 95), largest=99)
def recompress(pixels: np.ndarray, severity: float, _: np.random.Generator) -> np.ndarray:
    """Saved once more as JPEG, with quality 100 - `severity`, 0..99."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=round(100 - severity))
    return np.array(Image.open(file))


def _bounded(pixels: np.ndarray) -> np.ndarray:
    scale = MAX_CORRUPTED_SIDE / max(pixels.shape)
    if scale >= 1:
        return pixels
    height, width = (max(round(side * scale), 1) for side in pixels.shape[:2])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def _seen(pixels: np.ndarray, turned: Rotation) -> np.ndarray:
    """The picture `turned` about its middle, as a pinhole camera above the middle sees it; nothing is lost."""
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
