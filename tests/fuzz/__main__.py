"""Damaged files and artefacts by the thousand, the same for the same seed; prints a table of what became of them.

python -m tests.fuzz --count 2000 --images 20000 --seed 1 FOLDER      # an hour on two cores; FOLDER gets everything
python -m tests.fuzz --kinds checkpoint model.onnx --images 0 FOLDER  # some kinds of artefacts alone

said: refused or done without, in words. same: the answer is that to the undamaged file. Anything else is a defect:
unclear (an error that does not name the file), traceback, crash, hang, lost (no row), silent (another answer
without a word).
"""

import argparse
import time
from pathlib import Path

import pandas as pd

from tests.fuzz import artefacts, images

OUTCOMES = ["said", "same", "unclear", "traceback", "crash", "hang", "lost", "silent"]
SHOWN = 5  # defects of each kind


def main() -> None:
    """Run, and print the table with the first defects of each kind below."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=20_000, help="files for scan; default: %(default)s")
    parser.add_argument("--count", type=int, default=2_000, help="artefacts of each kind; default: %(default)s")
    parser.add_argument("--kinds", nargs="*", choices=artefacts.KINDS, default=list(artefacts.KINDS), metavar="KIND")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True)
    started = time.perf_counter()
    outcomes = []
    if arguments.images:
        outcomes.append(images.run(arguments.folder / "images", arguments.seed, arguments.images, arguments.workers))
    if arguments.kinds:
        outcomes.append(
            artefacts.run(arguments.folder, arguments.kinds, arguments.seed, arguments.count, arguments.workers)
        )
    found = pd.concat(outcomes)
    for (kind, outcome), rows in found.groupby(["kind", "outcome"], sort=False):
        if outcome not in ("said", "same"):
            print(f"{kind}, {outcome}:", *rows["details"].head(SHOWN), sep="\n  ")
    counts = pd.crosstab(found["kind"], found["outcome"]).reindex(columns=OUTCOMES, fill_value=0)
    print(counts.assign(files=counts.sum(axis=1)).to_string())
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
