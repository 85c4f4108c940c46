from pathlib import Path

from stages.training.curves import read_curves


def test_every_metric_is_a_column_by_its_path_and_every_epoch_a_row(project: Path) -> None:
    for name, values in {"train/loss": [0.7, 0.6], "val/auc": [0.5, 0.8], "learning_rate": [0.1, 0.1]}.items():
        file = project / f"reports/train/plots/metrics/{name}.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = ["step\t" + name.rpartition("/")[2], *(f"{i}\t{value}" for i, value in enumerate(values, 1))]
        file.write_text("\n".join(lines))
    curves = read_curves()
    assert set(curves) == {"train/loss", "val/auc", "learning_rate"}
    assert curves.loc[2].to_dict() == {"train/loss": 0.6, "val/auc": 0.8, "learning_rate": 0.1}
    assert curves.index.tolist() == [1, 2]


def test_a_training_that_wrote_no_curve_has_no_epoch(project: Path) -> None:
    assert len(read_curves()) == 0
