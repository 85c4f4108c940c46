"""The curves of the training, as dvclive writes them."""

import pandas as pd

from stages.common.artefacts import CURVES, read_csv


def read_curves() -> pd.DataFrame:
    """The curves that dvclive wrote, one row an epoch, one column a metric by its path ("val/loss")."""
    folder = CURVES / "plots" / "metrics"
    curves = {
        file.relative_to(folder).with_suffix("").as_posix(): read_csv(file, sep="\t", index_col="step").iloc[:, 0]
        for file in sorted(folder.rglob("*.tsv"))
    }
    return pd.DataFrame(curves)
