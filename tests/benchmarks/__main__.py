"""Measure what the stages take, beside what a user would write in ten lines; nothing here passes or fails by a time.

python -m tests.benchmarks                        # all of them: hours on two cores
python -m tests.benchmarks scan train --small     # some, on little
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from stages.common.cli import StageError, printable, run, stderr, stdout
from tests.benchmarks.dvc import nothing, packed
from tests.benchmarks.feed import feed
from tests.benchmarks.measure import Options, Row
from tests.benchmarks.scale import scale
from tests.benchmarks.scan import cpu, parts, rescan, scan, styled
from tests.benchmarks.stages import startup, tables
from tests.benchmarks.table import as_table, describe, machine, write
from tests.benchmarks.train import train
from tests.benchmarks.worst import worst

BENCHMARKS: dict[str, Callable[[Options], Iterator[Row]]] = {
    one.__name__: one
    for one in (nothing, startup, tables, scan, cpu, styled, parts, rescan, scale, worst, feed, train, packed)
}
# Shipped size, and what --small makes of it.
SIZES = {
    "images": (20_000, 4_000),
    "rounds": (5, 2),
    "table_rows": (1_000_000, 100_000),
    "per_class": (1_000, 250),
    "styled": (2_000, 200),
}


def main() -> None:
    """Read the arguments, measure, print the table and write the file; Ctrl-C ends it with what there is."""
    arguments = parse()
    facts = machine()
    results: dict[str, list[Row]] = {}
    with TemporaryDirectory(prefix="benchmarks-", dir=arguments.folder) as folder:
        options = with_sizes(arguments, Path(folder))
        settings = {name: value for name, value in asdict(options).items() if not isinstance(value, Path)}
        try:
            for name in arguments.names or BENCHMARKS:
                measure(name, options, results.setdefault(name, []))
        except KeyboardInterrupt:
            stderr.print("interrupted; below is what was measured so far")
    stdout.print(describe(facts), markup=False)
    # A file or a pipe has no width that the table would have to fit in.
    wide = Console(width=None if stdout.is_terminal else 200)
    wide.print(as_table([row for rows in results.values() for row in rows]))
    write(arguments.out, facts, settings, {name: rows for name, rows in results.items() if rows})
    stdout.print(f"the same as JSON: {arguments.out}", markup=False)


def measure(name: str, options: Options, rows: list[Row]) -> None:
    """Add the rows of one benchmark to `rows` as they come; one that fails says so, and the others go on."""
    stderr.print(f"{name}: {(BENCHMARKS[name].__doc__ or '').splitlines()[0]}", markup=False)
    try:
        for row in BENCHMARKS[name](options):
            rows.append(row)
            stderr.print(f"  {row.benchmark}, {row.peer}: {row.median or 0:.4g} {row.unit}", markup=False)
    except Exception as problem:
        if not isinstance(problem, StageError):
            stderr.print_exception()
        message = printable(f"{type(problem).__name__}: {problem}")
        stderr.print(f"  failed: {message}", markup=False)
        rows.append(Row(name, "failed", note=message.strip().splitlines()[-1][:200]))


def with_sizes(arguments: argparse.Namespace, folder: Path) -> Options:
    """The sizes asked for, in `folder` or, for pictures that are kept, in --folder."""
    pick = {name: getattr(arguments, name, None) or sizes[arguments.small] for name, sizes in SIZES.items()}
    images = pick["images"]
    return Options(
        folder=folder,
        pictures=(arguments.folder or folder) / "pictures",
        sizes=tuple(arguments.sizes or ((1_000, 3_000, 10_000) if arguments.small else (10_000, 30_000, 100_000))),
        rescans=(images, 100_000) if arguments.large else (images,),
        epochs=arguments.epochs,
        seeds=arguments.seeds or (1 if arguments.small else 3),
        **pick,
    )


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--images", type=int, help="for scan, rescan, feed and packed; default: 20,000")
    parser.add_argument("--styled", type=int, help="images for styled; default: 2,000")
    parser.add_argument("--rounds", type=int, help="of each comparison; default: 5")
    parser.add_argument("--sizes", type=int, nargs="+", help="numbers of images for scale; 10,000 30,000 100,000")
    parser.add_argument("--table-rows", type=int, help="for tables; default: 1,000,000")
    parser.add_argument("--per-class", type=int, help="images of each class for train and packed; default: 1,000")
    parser.add_argument("--epochs", type=int, default=3, help="of a training; default: %(default)s")
    parser.add_argument("--seeds", type=int, help="trainings of each kind; default: 3")
    parser.add_argument("--small", action="store_true", help="a try on little, in minutes")
    parser.add_argument("--large", action="store_true", help="rescan with 100,000 images too")
    parser.add_argument("--folder", type=Path, help="where to work and to keep the pictures for the next time")
    parser.add_argument("--out", type=Path, default=Path("reports/benchmarks.json"), help="default: %(default)s")
    arguments = parser.parse_args()
    if arguments.folder:
        arguments.folder = arguments.folder.resolve()
        arguments.folder.mkdir(parents=True, exist_ok=True)
    return arguments


if __name__ == "__main__":
    run(main)
