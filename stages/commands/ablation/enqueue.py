"""Queue the ablation as DVC experiments: old, fixed, old with one fix each, fixed without one fix each.

    python -m stages.commands.ablation.enqueue                       # 16 settings, 3 seeds each
    python -m stages.commands.ablation.enqueue --only old --only fixed --seeds 7 8 9 10 -S split.per_class=300
    dvc queue start                                         # runs them, in folders of their own, in the background
    dvc queue status                                        # and `dvc queue logs NAME`
    python -m stages.commands.ablation.show                          # what came of them

`make ablation` does the first and the third of these lines.
"""

import argparse
import json
import subprocess
import sys
from typing import Any

from stages.commands.ablation.fixes import fixed, variants
from stages.common.cli import StageError, run, stdout
from stages.common.settings import load_params


def main() -> None:
    """Queue what was asked for, one `dvc exp run --queue` a variant."""
    names = variants(fixed(load_params()))
    parser = argparse.ArgumentParser(description="Queue the ablation as DVC experiments.")
    parser.add_argument("--name", default="sample", help="what the experiments' names begin with (default: sample)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9], help="of the training (default: 7 8 9)")
    parser.add_argument("--only", action="append", choices=names, help="this variant; may be repeated (default: all)")
    parser.add_argument(
        "-S", "--set", action="append", default=[], metavar="KEY=VALUE", help="for all alike, as for `dvc exp run`"
    )
    asked = parser.parse_args()
    shared = dict(pair.partition("=")[::2] for pair in asked.set)
    if "" in shared.values():
        raise StageError("-S takes KEY=VALUE, such as -S split.per_class=300")
    for name in asked.only or names:
        for seed in asked.seeds:
            queue(f"{asked.name}-{name}-{seed}", {**shared, **names[name], "train.seed": seed})
    stdout.print(f"{len(asked.only or names) * len(asked.seeds)} experiments are queued; `dvc queue start` runs them")


def queue(name: str, values: dict[str, Any]) -> None:
    """Queue one experiment that trains, and does not evaluate, with `values` instead of params.yaml's."""
    settings = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in values.items()]
    flags = [part for setting in settings for part in ("-S", setting)]
    command = [sys.executable, "-m", "dvc", "exp", "run", "--queue", "--name", name, *flags, "train"]
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 - a list, no shell
    if done.returncode:
        raise StageError(f"DVC could not queue {name}: {(done.stderr or done.stdout).strip()}")
    stdout.print(f"queued {name}")


if __name__ == "__main__":
    run(main)
