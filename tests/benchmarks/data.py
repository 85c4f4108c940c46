"""What the benchmarks are made on: QR codes of 330x330 pixels, drawn once, and projects that hold some of them."""

import random
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path

import segno

from stages.common.workers import cores
from stages.sample import benign_url, malicious_url
from tests.benchmarks.measure import process
from tests.helpers import new_project, set_params

VERSION, LEVEL, CAPACITY = 2, "M", 26  # ISO/IEC 18004, table 7: bytes in such a symbol


def png(number: int) -> bytes:
    """The picture of a URL of stages/sample.py, cut and numbered, so that all fit and no two are the same.

    (25 modules + 2 x 4 of margin) x 10 pixels = 330. Even numbers are benign. No host anywhere ends in digits.
    """
    rng = random.Random(number)
    url = malicious_url(rng, []) if number % 2 else benign_url(rng)
    payload = f"{url[: CAPACITY - 8]}{number:08}"
    stream = BytesIO()
    code = segno.make_qr(payload, version=VERSION, error=LEVEL, boost_error=False, encoding="utf-8")
    code.save(stream, kind="png", scale=10, border=4)
    return stream.getvalue()


def name(number: int) -> str:
    """Where picture `number` is below a folder of images."""
    return f"{'malicious' if number % 2 else 'benign'}/{number:07}.png"


def draw(count: int, folder: Path) -> None:
    """Have at least `count` pictures in `folder`; those that are there are not drawn again."""
    for label in ("benign", "malicious"):
        (folder / label).mkdir(parents=True, exist_ok=True)
    missing = [number for number in range(count) if not (folder / name(number)).exists()]
    if missing:
        with ProcessPoolExecutor(cores()) as pool:
            list(pool.map(partial(_draw, folder), missing, chunksize=256))


def _draw(folder: Path, number: int) -> None:
    (folder / name(number)).write_bytes(png(number))


def link(count: int, pictures: Path, folder: Path) -> Path:
    """A folder of the first `count` of `pictures`, drawn if need be, as hard links, which are made quickly."""
    draw(count, pictures)
    for label in ("benign", "malicious"):
        (folder / label).mkdir(parents=True)
    for number in range(count):
        (folder / name(number)).hardlink_to(pictures / name(number))
    return folder


def replace(number: int, folder: Path, by: int) -> None:
    """Give picture `number` in `folder` the content of picture `by`; the file it was linked to stays as it is."""
    file = folder / name(number)
    file.unlink()
    file.write_bytes(png(by))


def project(folder: Path) -> Path:
    """A project with the settings as they are shipped, on all cores."""
    set_params(new_project(folder), {"scan.workers": None})
    return folder


def scan_project(count: int, pictures: Path, folder: Path) -> Path:
    """A project whose data.images are `count` of `pictures`."""
    link(count, pictures, project(folder) / "data/images")
    return folder


def sample_project(per_class: int, folder: Path) -> Path:
    """A project with the synthetic sample as it is shipped (330 to 570 pixels), split and ready for training."""
    set_params(project(folder), {"sample.per_class": per_class})
    for stage in ("sample", "render", "scan", "validate", "split"):
        process("-m", f"stages.{stage}", folder=folder)
    return folder
