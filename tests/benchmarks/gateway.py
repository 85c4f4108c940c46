"""How many pictures, PDF pages and mails a second `predict` judges, what takes the time, and where the roof is.

python -m tests.benchmarks.gateway --model models/model.onnx --count 1000 FOLDER     # FOLDER gets the files

Each rate is that of many files less that of one, so without the start; of a PDF file, in pages. Beside it is the
processor time of all processes, which other work on the machine changes less. A page of a PDF file is judged as it is
shown and so is the picture on it: two answers.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.table import Table
from threadpoolctl import threadpool_limits

from stages.common.cli import run, stdout
from stages.common.workers import cores
from stages.dataset.storage import Stored
from stages.predict.codes import Progress, codes_in
from stages.predict.model import BATCH, open_model
from stages.predict.paths import Source
from stages.predict.sources.item import Limits
from tests.benchmarks.measure import MIB, process
from tests.benchmarks.memory import tree_memory
from tests.predict.asking import mail, pdf, picture, png

PAGES = 10
FEW = 2  # of the files that hold more than a picture there are so many times fewer


def url(number: int) -> str:
    """The payload of the n-th code."""
    return f"https://shop{number:05d}.example/news/about.html"


def with_image(number: int) -> bytes:
    """A mail with a picture in its text."""
    return mail(("image/png", "a.png", png(url(number), 10)), html="<p>scan <img src='cid:x'></p>").as_bytes()


def with_pdf(number: int) -> bytes:
    """A mail with a document of a page attached."""
    return mail(("application/pdf", "a.pdf", pdf(picture(url(number))))).as_bytes()


# What, the end of its name, codes in a file, how many times fewer files than pictures, and how one is made.
FILES: dict[str, tuple[str, int, int, Callable[[int], bytes]]] = {
    "drawn picture": ("png", 1, 1, lambda number: png(url(number), 10)),
    "PDF of a page": ("pdf", 1, FEW, lambda number: pdf(picture(url(number)))),
    f"PDF of {PAGES} pages": ("pdf", PAGES, FEW * PAGES // 2,
                              lambda number: pdf(*(picture(url(number * PAGES + page)) for page in range(PAGES)))),
    "mail with a picture": ("eml", 1, FEW, with_image),
    "mail with a PDF": ("eml", 1, FEW, with_pdf),
}  # fmt: skip


def ask(files: Path, model: Path) -> tuple[float, float, float, int]:
    """Wall time and processor time in seconds, peak memory in MiB, and codes judged, of the command on a folder."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = process("-m", "stages.predict", "--json", "--model", str(model), ".", folder=files,
                    weigh=tree_memory, statuses=(0, 3, 4))  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rows = [json.loads(line) for line in ended.output.splitlines() if line.startswith("{")]
    return ended.seconds, spent, ended.peak / MIB, sum(row["verdict"] != "not judged" for row in rows)


def rates(folder: Path, model: Path, count: int) -> Iterator[tuple[str, ...]]:
    """A row of the table for each of FILES."""
    for number, (name, (ending, codes, fewer, make)) in enumerate(FILES.items()):
        files = max(count // fewer, 2)
        several, one = folder / str(number) / "several", folder / str(number) / "one"
        for target, many in ((several, files), (one, 1)):
            target.mkdir(parents=True)
            for place in range(many):
                (target / f"{place:06d}.{ending}").write_bytes(make(place))
        start, total = ask(one, model), ask(several, model)
        wall, spent = ((total[place] - start[place]) / ((files - 1) * codes) for place in (0, 1))
        yield name, f"{files:,}", f"{files * codes:,}", f"{total[3]:,}", *_times(wall, spent), f"{total[2]:.0f}"


def parts(folder: Path, model: Path, count: int) -> Iterator[tuple[str, ...]]:
    """What a drawn picture costs apart from the network, and the network apart from it, in this process."""
    scorer, seen = open_model(model), []
    started = time.perf_counter(), time.process_time()
    for place in range(count):
        name = f"{place:06d}.png"
        content = (folder / "0/several" / name).read_bytes()
        codes = codes_in(Source(name, Stored(name), content=content), Limits(), Progress(), scorer.takes.see)
        seen += [code.seen for code in codes if code.seen is not None]
    yield "codes alone, one process", f"{count:,}", "", "", *_since(started, count), ""
    several = [seen[start : start + BATCH] for start in range(0, len(seen), BATCH)]
    scorer.probability(several[0])
    started = time.perf_counter(), time.process_time()
    for batch in several:
        scorer.probability(batch)
    yield "network alone", f"{len(seen):,}", "", "", *_since(started, len(seen)), ""


def roof(model: Path) -> str:
    """The work of one picture, and what float32 matrix products reach here on one core."""
    import onnx

    work = flops(onnx.shape_inference.infer_shapes(onnx.load(model)).graph)
    with threadpool_limits(1):
        one = np.random.default_rng(0).random((1024, 1024), np.float32)
        one @ one
        started = time.process_time()
        for _ in range(20):
            one @ one
        speed = 20 * 2 * 1024**3 / (time.process_time() - started)
    return (
        f"network: {work / 1e9:.3f} GFLOP a picture; float32 matrix products reach {speed / 1e9:.0f} GFLOP/s "
        f"on a core, so at most {cores() * speed / work:.0f} pictures/s on {cores()} cores"
    )


def flops(graph: Any) -> float:
    """Floating-point operations of the convolutions and matrix products for one picture."""
    shapes = {value.name: [one.dim_value for one in value.type.tensor_type.shape.dim]
              for value in [*graph.value_info, *graph.output]}  # fmt: skip
    weights = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    total = 0.0
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul") and (weight := weights.get(node.input[1])):
            places = np.prod(shapes[node.output[0]][2:]) if node.op_type == "Conv" else 1
            total += 2 * float(np.prod(weight)) * places
    return total


def _since(started: tuple[float, float], count: int) -> tuple[str, str]:
    return _times((time.perf_counter() - started[0]) / count, (time.process_time() - started[1]) / count)


def _times(wall: float, spent: float) -> tuple[str, str]:
    return f"{1 / wall:.1f}", f"{1000 * spent:.1f}"


def main() -> None:
    """Make the files, ask, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gateway", description=(__doc__ or ""),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1000, help="pictures; default: %(default)s")
    parser.add_argument("folder", type=Path, help="is made")
    options = parser.parse_args()
    options.folder.mkdir(parents=True)
    model = options.model.resolve()
    table = Table("what", "files", "codes", "answers", "a second", "ms of a core", "peak MiB", box=SIMPLE)
    for row in chain(rates(options.folder, model, options.count), parts(options.folder, model, options.count)):
        table.add_row(*row)
    stdout.print(table)
    stdout.print(roof(model))


if __name__ == "__main__":
    run(main)
