"""Hundreds of thousands of pictures through scan, validate, split and an epoch of `symbol`, one stage after the other.

python -m tests.benchmarks.whole --count 1000000 FOLDER    # FOLDER keeps the shards, 1.5 GB of them

Prints what each stage took: seconds, processor time, pictures a second, and the memory of all its processes (Pss, seen
from outside every 50 ms). The payloads are those of tests.benchmarks.million, drawn by zxing-cpp.
"""

import argparse
import shutil
import tarfile
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import zxingcpp
from PIL import Image
from rich.box import SIMPLE
from rich.table import Table

from stages.common.artefacts import SCAN, SPLITS, VALID
from stages.common.cli import progress, run, stdout
from stages.common.files import replacing
from stages.common.workers import cores
from stages.dataset.shards import write_manifest
from tests.benchmarks.measure import MIB, process
from tests.benchmarks.memory import tree_memory
from tests.benchmarks.million import million
from tests.helpers import new_project, set_params

IN_A_SHARD = 20_000
STAGES = ("scan", "validate", "split", "train")
SHOWN = (SCAN, VALID, SPLITS, Path("reports/data.html"), Path("reports/data.json"))
SETTINGS: dict[str, object] = {"model": {"architecture": "symbol"}, "train.epochs": 1, "scan.workers": None}


def png(payload: str) -> bytes:
    """Its code at 10 pixels a module with four modules of margin, as stages/render.py draws it."""
    code = zxingcpp.create_barcode(payload, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    modules = np.asarray(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=True)) > 0
    stream = BytesIO()
    Image.fromarray(modules.repeat(10, 0).repeat(10, 1)).save(stream, "PNG")
    return stream.getvalue()


def shard(file: Path, pictures: list[tuple[str, str]]) -> None:
    """Draw `pictures`, each a path and a payload, into a shard."""
    with tarfile.open(file, "w:", format=tarfile.PAX_FORMAT) as tar:
        for path, payload in pictures:
            data = png(payload)
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, BytesIO(data))
            tar.members.clear()  # type: ignore[attr-defined]  # otherwise it keeps them all in memory


def draw(count: int, folder: Path) -> None:
    """Have `count` pictures in shards in `folder`, unless it is there."""
    if folder.exists():
        return
    table = million(count, seed=7)
    pictures = list(zip(table["path"], table["payload"], strict=True))
    parts = {
        f"images-{start // IN_A_SHARD:05d}.tar": pictures[start : start + IN_A_SHARD]
        for start in range(0, count, IN_A_SHARD)
    }
    with replacing(folder) as unfinished, ProcessPoolExecutor(cores()) as pool, progress() as bar:
        unfinished.mkdir(parents=True)
        drawn = pool.map(shard, [unfinished / name for name in parts], parts.values())
        for _ in bar.track(drawn, total=len(parts), description="draw"):
            pass
        write_manifest(unfinished, {name: len(part) for name, part in parts.items()})


def main() -> None:
    """Draw what is missing, run the stages, print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.whole", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--count", type=int, default=1_000_000, help="pictures; default: %(default)s")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    folder = options.folder.resolve()
    shards, project = folder / f"shards-{options.count}", folder / "project"
    draw(options.count, shards)
    shutil.rmtree(project, ignore_errors=True)
    set_params(new_project(project), {**SETTINGS, "data.images": str(shards)})
    table = Table("stage", "seconds", "of a core", "pictures a second", "peak MiB", box=SIMPLE)
    for stage in STAGES:
        took = process("-m", f"stages.{stage}", folder=project, weigh=tree_memory)
        stdout.print(took.output, markup=False)
        table.add_row(
            stage,
            f"{took.seconds:.0f}",
            f"{took.cpu_seconds:.0f}",
            f"{options.count / took.seconds:,.0f}",
            f"{took.peak / MIB:,.0f}",
        )
    stdout.print(table)
    for path in SHOWN:
        stdout.print(f"{path}: {(project / path).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main)
