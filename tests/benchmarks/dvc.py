"""What DVC costs: with nothing to do, and with images in a folder or packed in shards."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.data import project, sample_project, scan_project
from tests.benchmarks.measure import FREE_ENV, Options, Row, compare, in_turn, process
from tests.benchmarks.scan import whole_scan
from tests.benchmarks.train import first_training, rates
from tests.helpers import REPO, set_params


def nothing(options: Options, repository: Path = REPO) -> Iterator[Row]:
    """`dvc repro` in the repository where all is up to date, beside a Python that does nothing; seconds."""
    if process("-m", "dvc", "status", "-q", folder=repository, statuses=(0, 1)).status:
        yield Row("dvc repro", "nothing to do", note="left out: `dvc status` says that something is out of date")
        return
    figures = in_turn(
        {
            "nothing to do": lambda _: process("-m", "dvc", "repro", folder=repository).seconds,
            "python -c pass": lambda _: process("-c", "pass", folder=repository).seconds,
        },
        options.rounds,
    )
    yield from compare("dvc repro", "s", figures, {"nothing to do": "< 3"})


def packed(options: Options) -> Iterator[Row]:
    """The same images in shards and in a folder: `dvc add`, `dvc status`, scan, the first epoch of a training."""
    folder = scan_project(options.images, options.pictures, options.folder / "in_folder")
    shards = pack(folder, options.folder / "in_shards")
    both = {"shards": shards, "folder": folder}
    scratch = {name: options.folder / f"dvc_{name}" for name in both}

    def add(name: str, number: int) -> float:
        repository = scratch[name] / str(number)
        new_repository(repository)
        shutil.copytree(both[name] / "data/images", repository / "images")
        return process("-m", "dvc", "add", "-q", "images", folder=repository).seconds

    def status(name: str, number: int) -> float:
        return process("-m", "dvc", "status", folder=scratch[name] / str(number)).seconds

    def scanned(name: str, _: int) -> float:
        return whole_scan(both[name]).seconds

    for what, measure in (("dvc add", add), ("dvc status", status), ("scan", scanned)):
        figures = in_turn(for_both(measure), options.rounds)
        yield from compare(f"packed, {what}", "s", figures, notes={"shards": f"{options.images:,} images"})

    sample = sample_project(options.per_class, options.folder / "sample_in_folder")
    samples = {"shards": pack(sample, options.folder / "sample_in_shards"), "folder": sample}
    for stage in ("scan", "validate", "split"):
        process("-m", f"stages.{stage}", folder=samples["shards"])
    for one in samples.values():
        set_params(one, {"train.epochs": 1})
    figures = in_turn(for_both(lambda name, _: first_epoch(samples[name])), options.rounds)
    yield from compare("packed, first epoch", "images/s", figures)


def for_both(measure: Callable[[str, int], float]) -> dict[str, Callable[[int], float]]:
    """`measure` of the shards and of the folder."""
    return {"shards": lambda number: measure("shards", number), "folder": lambda number: measure("folder", number)}


def pack(source: Path, target: Path) -> Path:
    """A project with the images of `source` in shards."""
    images = str(project(target).resolve() / "data/images")
    process("-m", "stages.commands.pack", "data/images", images, folder=source)
    return target


def new_repository(folder: Path) -> None:
    """An empty repository of git and DVC that leaves nothing outside of its folder."""
    folder.mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=folder, env=FREE_ENV, check=True)
    process("-m", "dvc", "init", "-q", folder=folder)
    process("-m", "dvc", "config", "core.site_cache_dir", str(folder / ".dvc/site"), folder=folder)


def first_epoch(folder: Path) -> float:
    """Images a second in the only epoch of a training, in which every image is decoded."""
    return rates(first_training(folder).output)[0]
