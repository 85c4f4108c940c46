"""Image files, and the frames of those that have several."""

from functools import partial
from hashlib import sha256

from PIL import Image

from stages.dataset.signatures import kind_by_signature
from stages.predict.sources.item import Found, Item, Limits, Picture, Refusal, below
from stages.qr.image import UnusableImageError, decode, decode_frame, open_frames
from stages.qr.problem import Problem


def open_image(data: bytes, where: str, limits: Limits) -> Found:
    """The picture; of an animated file each frame, as an item of its own."""
    animated = open_frames(data)
    if animated is None:
        try:
            yield Picture(where, decode(data, limits.max_pixels).pixels, sha256(data).hexdigest())
        except UnusableImageError as problem:
            yield refusal(where, problem, data)
        return
    for index in range(getattr(animated, "n_frames", 1)):
        name = below(where, f"frame {index + 1}")
        yield Item(name, partial(_open_frame, animated, index, name, limits))


def _open_frame(image: Image.Image, index: int, where: str, limits: Limits) -> Found:
    try:
        pixels = decode_frame(image, index, limits.max_pixels)
        yield Picture(where, pixels, sha256(pixels.tobytes()).hexdigest())
    except UnusableImageError as problem:
        yield refusal(where, problem)


def refusal(where: str, problem: UnusableImageError, data: bytes = b"") -> Refusal:
    """`problem` in the words of the command line, which has no params.yaml; `data`: what the file begins with."""
    kind = kind_by_signature(data) if problem.problem is Problem.NOT_AN_IMAGE else ""
    return Refusal(where, str(problem.problem), kind or str(problem).replace("scan.max_", "--max-"))
