"""Queue the ablation as DVC experiments: old, fixed, old with one fix each, fixed without one fix each.

    python -m stages.commands.ablation.enqueue           # 16 settings with 3 seeds each
    python -m stages.commands.ablation.enqueue --only old --only fixed --seeds 7 8 9 10 -S split.per_class=300
    dvc queue start                                      # runs them in the background, each in a folder of its own
    dvc queue status                                     # and `dvc queue logs NAME`
    python -m stages.commands.ablation.show              # table and picture of the finished runs

`make ablation` does the first and the third of these lines.
"""

from stages.commands.ablation.fixes import fixed, variants
from stages.commands.experiments import add_settings, queue, settings_of
from stages.common.cli import command_parser, run, stdout
from stages.common.settings import load_params


def main() -> None:
    """Queue one `dvc exp run --queue` for each variant and seed."""
    names = variants(fixed(load_params()))
    parser = command_parser("commands.ablation.enqueue", __doc__)
    only = "old, fixed, old-with-FIX or fixed-without-FIX, such as old-with-init; may be repeated (default: all)"
    parser.add_argument("--name", default="sample", help="prefix of the experiments' names (default: sample)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9], help="of the training (default: 7 8 9)")
    parser.add_argument("--only", action="append", choices=names, metavar="VARIANT", help=only)
    add_settings(parser)
    asked = parser.parse_args()
    shared = settings_of(asked.set)
    chosen = asked.only or names
    for name in chosen:
        for seed in asked.seeds:
            queue(f"{asked.name}-{name}-{seed}", {**shared, **names[name], "train.seed": seed}, "train")
    stdout.print(f"{len(chosen) * len(asked.seeds)} experiments are queued; `dvc queue start` runs them")


if __name__ == "__main__":
    run(main)
