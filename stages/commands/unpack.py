"""Turn the arrays in an .npz file into PNG files in class folders.

    python -m stages.commands.unpack qr.npz data/my-images        # then set data.images to data/my-images

The file holds one array of images, (n, height, width) or (n, height, width, 3), uint8, bool or
floats in 0..1, and one array of n labels, names or numbers. Two arrays of images named benign and malicious
work as well. Pickles are refused, because loading one runs the code of whoever made it: if you trust it, load it
yourself and save it with `numpy.savez_compressed("qr.npz", images=images, labels=labels)`.
"""

import re
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from stages.common.cli import StageError, command_parser, progress, run, stdout
from stages.common.files import replacing
from stages.common.settings import CLASSES


def main() -> None:
    """Read the arguments and unpack."""
    parser = command_parser("commands.unpack", __doc__)
    parser.add_argument("arrays", type=Path, help="the .npz file")
    parser.add_argument("folder", type=Path, help="the folder for the class folders; must not exist yet")
    arguments = parser.parse_args()
    if arguments.folder.exists():
        raise StageError(f"{arguments.folder} already exists; name a new folder, or delete it first")
    images, labels = read_arrays(arguments.arrays)
    with replacing(arguments.folder) as folder, progress() as bar:
        for index, image in enumerate(bar.track(images, description="unpack")):
            target = folder / labels[index]
            target.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(target / f"{index:07d}.png")
    stdout.print(f"{arguments.folder}: {len(images):,} images; set data.images in params.yaml to it", markup=False)


def read_arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 (n, height, width) or (n, height, width, 3), and their n labels, from the .npz file at `path`.

    Numbers 0 and 1 become benign and malicious. Raises StageError if the file is missing, holds pickled
    objects, or does not hold such arrays.
    """
    arrays = _load(path)
    shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    if set(CLASSES) <= set(arrays):
        if len({arrays[name].shape[1:] for name in CLASSES}) > 1:
            raise StageError(f"{path} holds images of different sizes ({shapes}): resize them")
        images = np.concatenate([arrays[name] for name in CLASSES])
        labels = np.repeat(CLASSES, [len(arrays[name]) for name in CLASSES])
    else:
        pictures = [array for array in arrays.values() if array.ndim >= 3]
        lists = [array for array in arrays.values() if array.ndim == 1]
        if len(pictures) != 1 or len(lists) != 1:
            raise StageError(f"{path} must hold one array of images and one of labels, has {shapes or 'none'}")
        images, labels = pictures[0], lists[0]
        if np.issubdtype(labels.dtype, np.number) or labels.dtype == bool:
            labels = np.array([CLASSES[int(n)] if n in (0, 1) else str(n) for n in labels])
    labels = labels.astype(str)
    if odd := [name for name in np.unique(labels) if not re.fullmatch(r"\w[\w .-]*", name)]:
        raise StageError(f"{path} has the label {odd[0]!r}, which cannot be a folder name; rename it")
    if len(images) != len(labels):
        raise StageError(f"{path} holds {len(images):,} images, but {len(labels):,} labels")
    if not (images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (1, 3))):
        raise StageError(f"{path}: images have the shape {images.shape}; see --help")
    images = grey_levels(images, path)
    return images.squeeze(3) if images.ndim == 4 and images.shape[3] == 1 else images, labels


def grey_levels(images: np.ndarray, path: Path) -> np.ndarray:
    """`images` as uint8: whole numbers in 0..255 as they are; bool, and whatever lies in 0..1, times 255.

    Raises StageError, which names `path`, for other values: what they stand for is not known.
    """
    if (images.dtype != bool and not np.issubdtype(images.dtype, np.number)) or np.iscomplexobj(images):
        raise StageError(f"{path}: images have the type {images.dtype}; whole numbers, floats or bool are needed")
    least, most = (images.min(), images.max()) if images.size else (0, 0)
    if 0 <= least <= most <= 1:
        whole = not np.issubdtype(images.dtype, np.floating)
        return images.astype(np.uint8) * np.uint8(255) if whole else np.round(images * 255.0).astype(np.uint8)
    if np.issubdtype(images.dtype, np.floating):
        raise StageError(f"{path}: images as floats must lie in 0..1, these in {least:g}..{most:g}")
    if not 0 <= least <= most <= 255:
        raise StageError(f"{path}: images as {images.dtype} must lie in 0..255, these in {least}..{most}; scale them")
    return images.astype(np.uint8)


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("it holds one unnamed array")
        with archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise StageError(f"{path} does not exist") from None
    except (ValueError, zipfile.BadZipFile, EOFError, OSError, AttributeError) as error:
        raise StageError(
            f"{path} is not an .npz file of plain arrays ({error}). A pickle runs its maker's code: if you trust it, "
            'load it yourself and save it with numpy.savez_compressed("qr.npz", images=images, labels=labels)'
        ) from None


if __name__ == "__main__":
    run(main)
