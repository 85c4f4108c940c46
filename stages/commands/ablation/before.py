"""Train with the settings from before the seven fixes, as the DVC experiment `before`; `make before` does this.

    python -m stages.commands.ablation.before
    python -m stages.commands.ablation.before -S train.seed=8 diagnose
    dvc exp show                     # its metrics beside those of the present settings

It runs in a folder of its own: params.yaml and the results here stay as they are.
"""

from stages.commands.ablation.fixes import BEFORE
from stages.commands.experiments import add_settings, command, run_dvc, settings_of
from stages.common.cli import command_parser, run


def main() -> None:
    """Run the pipeline with the old settings."""
    parser = command_parser("commands.ablation.before", __doc__)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="run up to these (default: the whole pipeline)")
    add_settings(parser)
    asked = parser.parse_args()
    failure = "`dvc exp run` failed, see above; if the name `before` is taken: dvc exp remove before"
    run_dvc(command("before", BEFORE | settings_of(asked.set), "--temp", *asked.stages), failure)


if __name__ == "__main__":
    run(main)
