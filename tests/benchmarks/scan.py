"""Looking at a folder of images, whole and again."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np

from stages.common.artefacts import SCAN
from stages.common.files import remove
from stages.common.settings import load_params
from stages.dataset.row import examine, file_sha256
from stages.dataset.storage import list_images, read_bytes
from stages.qr.image import decode, grey
from stages.qr.locate import locate
from stages.qr.read import summary
from stages.qr.zbar import zbar_codes
from tests.benchmarks import data, peers
from tests.benchmarks.data import link, replace, scan_project
from tests.benchmarks.measure import Options, Row, Run, compare, in_turn, process
from tests.benchmarks.styled import draw_styled
from tests.helpers import REPO

SOME = 1000  # images for the slow peers
CHANGED = 0.01


def whole_scan(project: Path, weigh: Callable[[int], int] | None = None) -> Run:
    """`python -m stages.scan` of every image, without the table of before, which is its memory of them."""
    remove(project / SCAN)
    return process("-m", "stages.scan", folder=project, weigh=weigh)


def scan(options: Options) -> Iterator[Row]:
    """All columns of stages.scan, its start included, against less work done plainly; images a second."""
    project = scan_project(options.images, options.pictures, options.folder / "scan")
    few = link(min(SOME, options.images), options.pictures, options.folder / "some")
    files, some = sorted((project / "data/images").rglob("*.png")), sorted(few.rglob("*.png"))
    alternatives: dict[str, Callable[[int], float]] = {
        "stages.scan": lambda _: len(files) / whole_scan(project).seconds,
        "plain loop": lambda _: rate(peers.plain_loop, some),
        "plain loop in a pool of 2": lambda _: rate(peers.pool_loop, some),
        "reading and decompressing, pool of 2": lambda _: rate(peers.pool_of_pixels, files),
    }
    name = "CleanVision, n_jobs=2"
    try:
        import_module("cleanvision")  # now, so that it is not timed
        alternatives[name] = lambda _: audit(few, len(some))
    except ImportError:
        yield Row("scan", name, note="left out: `pip install -e '.[bench]'` installs it")
    figures = in_turn(alternatives, options.rounds)
    reach = {"plain loop": ">= 8", "reading and decompressing, pool of 2": ">= 0.7"}
    on_all = ("stages.scan", "reading and decompressing, pool of 2")
    notes = {name: f"{len(files if name in on_all else some):,} images" for name in figures}
    yield from compare("scan", "images/s", figures, reach, notes)


def styled(options: Options) -> Iterator[Row]:
    """stages.scan of pictures as they are published, three in ten unreadable, against the plain loop."""
    project = data.project(options.folder / "styled")
    draw_styled(options.styled, project / "data/images")
    files = sorted((project / "data/images").rglob("*.png"))
    yield from in_cpu_time("scan, styled", project, files, files, options.rounds)


def cpu(options: Options) -> Iterator[Row]:
    """The CPU time that stages.scan and the plain loop take, which other work on the machine changes less."""
    project = scan_project(options.images, options.pictures, options.folder / "cpu")
    files = sorted((project / "data/images").rglob("*.png"))
    yield from in_cpu_time("scan, CPU time", project, files, files[:SOME], options.rounds)


def in_cpu_time(name: str, project: Path, files: Sequence[Path], some: Sequence[Path], rounds: int) -> Iterator[Row]:
    """CPU seconds for a thousand images, of the scan of all `files` in `project` and of the plain loop on `some`."""

    def loop(_: int) -> float:
        started = time.process_time()
        peers.plain_loop(some)
        return (time.process_time() - started) / len(some) * 1000

    def ours(_: int) -> float:
        return whole_scan(project).cpu_seconds / len(files) * 1000

    figures = in_turn({"stages.scan": ours, "plain loop": loop}, rounds)
    yield from compare(
        name, "s", figures, notes={"stages.scan": f"{len(files):,} images", "plain loop": f"{len(some):,}"}
    )


def parts(options: Options) -> Iterator[Row]:
    """What one look at an image consists of: microseconds an image in one process, called as stages.scan calls it."""
    folder = link(min(SOME, options.images), options.pictures, options.folder / "parts")
    images, settings = list_images(folder), load_params(REPO / "params.yaml").scan
    contents = [read_bytes(folder, stored, settings.max_bytes) for stored in images]
    luma = [grey(decode(data, settings.max_pixels).pixels) for data in contents]
    found = [locate(one) for one in luma]
    small = [np.ascontiguousarray(one[::5, ::5]) for one in luma]  # 2 of 10 pixels a module
    work: dict[str, Callable[[], object]] = {
        "one look": lambda: [examine(stored, str(folder), settings) for stored in images],
        "read and hash": lambda: [file_sha256(stored, str(folder), settings) for stored in images],
        "decompress": lambda: [decode(data, settings.max_pixels) for data in contents],
        "zxing-cpp": lambda: [locate(one) for one in luma],
        "measure": lambda: [summary(one, symbols) for one, symbols in zip(luma, found, strict=True)],
        "zbar": lambda: [zbar_codes(one) for one in small],
    }
    times = in_turn({name: partial(microseconds, call, len(images)) for name, call in work.items()}, options.rounds)
    for name, values in times.items():
        yield from compare("scan, parts", "us", {name: values})


def microseconds(call: Callable[[], object], count: int, _: int) -> float:
    """For each of the `count` images that `call` works on."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) / count * 1e6


def rate(work: Callable[[Sequence[Path]], object], files: Sequence[Path]) -> float:
    """Images a second that `work` does."""
    started = time.perf_counter()
    work(files)
    return len(files) / (time.perf_counter() - started)


def audit(folder: Path, count: int) -> float:
    """Images a second that CleanVision does."""
    started = time.perf_counter()
    peers.audit(folder)
    return count / (time.perf_counter() - started)


def rescan(options: Options) -> Iterator[Row]:
    """stages.scan after 1 % of the files have got other content, against the same from nothing; seconds."""
    for count in options.rescans:
        project = scan_project(count, options.pictures, options.folder / f"rescan{count}")

        # A whole scan first in every round: it leaves the rows that the next one finds.
        found = in_turn({"whole": partial(whole, project), "again": partial(again, project, count)}, options.rounds)
        figures = {"again after 1 % changed": found["again"], "whole": found["whole"]}
        yield from compare(f"rescan {count:,}", "s", figures, {"whole": ">= 20"})


def whole(project: Path, _: int) -> float:
    """Seconds of a scan from nothing."""
    return whole_scan(project).seconds


def again(project: Path, count: int, number: int) -> float:
    """Seconds of a scan after 1 % of the images have got other content, in each round other ones."""
    for place in range(number, count, round(1 / CHANGED)):
        replace(place, project / "data/images", by=(number + 1) * 10**6 + place)
    return process("-m", "stages.scan", folder=project).seconds
