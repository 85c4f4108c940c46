"""Print the tables of results in README.md and reports/README.md as Markdown, with the figures of the last run.

python -m stages.commands.results     # reads reports/evaluate/
"""

import pandas as pd

from stages.common.artefacts import read_csv
from stages.common.cli import command_parser, run, stdout
from stages.page.captions import interval
from stages.page.inputs import TABLES

SHORT = {
    "network": "network",
    "best_rule": "best rule",
    "module_grid": "module trees",
    "payload_characters": "payload characters",
}
LONG = {
    ("test", "accuracy"): "accuracy",
    ("test", "auc"): "AUC, split by site",
    ("matched", "auc"): "AUC, matched rows",
    ("elsewhere", "auc"): "AUC, elsewhere",
    ("random", "auc"): "AUC, random split",
}


def main() -> None:
    """Print both tables."""
    scores = read_csv(*TABLES["metrics"])
    for title, lines in (("README.md", short(scores)), ("reports/README.md", long(scores))):
        stdout.print(f"{title}:\n", *lines, "", sep="\n", markup=False)


def short(scores: pd.DataFrame) -> list[str]:
    """The rows of README.md for `scores`, the table metrics.csv: accuracy, and the AUC on three sets of rows."""
    found = scores.set_index(["rows", "model", "metric"]).sort_index()
    lines = []
    for model, name in SHORT.items():
        places = [(rows, model, "auc") for rows in ("test", "matched", "elsewhere")]
        cells = [narrow(found.loc[place]) if place in found.index else "" for place in places]
        accuracy = found.loc[("test", model, "accuracy"), "value"]
        lines.append(f"| | {' | '.join([name, f'{accuracy:.3f}', *cells])} |")
    return lines


def narrow(row: pd.Series) -> str:
    """A value and its interval in little space."""
    return f"{row['value']:.3f} ({row['low']:.3f}-{row['high']:.3f})"


def long(scores: pd.DataFrame) -> list[str]:
    """The table of reports/README.md for `scores`; the network has no figure on a random split, see there."""
    found = scores.set_index(["rows", "model", "metric"]).sort_index()
    columns = {place: title for place, title in LONG.items() if place[0] in set(scores["rows"])}
    lines = [f"| model | {' | '.join(columns.values())} |", "|---" * (1 + len(columns)) + "|"]
    for model in scores["model"].unique():
        places = [(rows, model, metric) for rows, metric in columns]
        cells = [interval(found.loc[place]) if place in found.index else "" for place in places]
        lines.append(f"| {' | '.join([model.replace('_', ' '), *cells])} |")
    return lines


if __name__ == "__main__":
    command_parser("commands.results", __doc__).parse_args()
    run(main)
