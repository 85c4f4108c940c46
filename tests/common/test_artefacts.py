import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages.common import artefacts
from stages.common.artefacts import (
    EVALUATION,
    PREDICTIONS,
    SCAN,
    SPLITS,
    TRAIN_FIGURES,
    VALID,
    read_csv,
    read_json,
    read_table,
    write_table,
)
from stages.common.cli import StageError
from tests.helpers import REPO

PRIVATE = {artefacts.VIEW_CACHE, artefacts.CHECKPOINT}  # of one stage alone, so DVC need not know them
TABLE = pd.DataFrame({"path": [f"{i}.png" for i in range(1000)], "bytes": range(1000)})


def test_each_output_in_dvc_yaml_has_its_name_here() -> None:
    stages = YAML(typ="safe").load(REPO / "dvc.yaml")["stages"].values()
    outputs = [out for stage in stages for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    written = {Path(out if isinstance(out, str) else next(iter(out))) for out in outputs}
    assert written == {path for path in vars(artefacts).values() if isinstance(path, Path)} - PRIVATE


def test_a_table_is_read_as_it_was_written(project: Path) -> None:
    write_table(SCAN, TABLE)
    pd.testing.assert_frame_equal(read_table(SCAN), TABLE)


def test_a_table_that_was_filtered_by_hand_may_have_an_index(project: Path) -> None:
    SCAN.parent.mkdir(exist_ok=True)
    TABLE[TABLE["bytes"] % 2 == 0].to_parquet(SCAN)
    assert read_table(SCAN)["bytes"].tolist() == list(range(0, 1000, 2))


def test_a_missing_table_is_named_with_what_makes_it(project: Path) -> None:
    with pytest.raises(StageError, match=r"data/scan\.parquet is not there yet: run `dvc repro`"):
        read_table(SCAN)


@pytest.mark.parametrize("place", [100, 1000, -1])
def test_a_flipped_byte_among_the_values_is_damage(project: Path, place: int) -> None:
    write_table(SCAN, TABLE)
    data = bytearray(SCAN.read_bytes())
    data[place] ^= 0xFF
    SCAN.write_bytes(data)
    with pytest.raises(StageError, match=r"data/scan\.parquet is damaged \(.+\): delete it and run `dvc repro`"):
        read_table(SCAN)


def test_a_flipped_bit_in_the_names_of_columns_is_damage_or_changes_nothing(project: Path) -> None:
    # The footer has the names plainly, as JSON, and both once more in Base64.
    table = pd.DataFrame({"path": ["a", "b"], "m" * 60: [1, 2]})
    write_table(SCAN, table)
    whole = SCAN.read_bytes()
    refused = 0
    for place in range(whole.index(b"pandas") - 200, len(whole) - 8, 7):
        SCAN.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            pd.testing.assert_frame_equal(read_table(SCAN), table)
        except StageError as error:
            assert re.match(r"data/scan\.parquet is damaged \(.+\): delete it and run `dvc repro`", str(error))
            refused += "its columns have other names" in str(error)
    assert refused > 10


def test_a_folder_of_its_name_is_no_table(project: Path) -> None:
    SCAN.mkdir(parents=True)
    with pytest.raises(StageError, match="it is a folder"):
        read_table(SCAN)


@pytest.mark.parametrize("content", [b"", b'{"epochs": 2', b"[1, 2]", b"<<<<<<< HEAD\n{}", b"\xff\xfe{}", None])
def test_damaged_figures_are_an_error_of_one_line(project: Path, content: bytes | None) -> None:
    with pytest.raises(StageError, match=r"reports/train\.json is not there yet: run `dvc repro`"):
        read_json(TRAIN_FIGURES)
    spoil(TRAIN_FIGURES, content)
    with pytest.raises(StageError, match=r"^reports/train\.json is damaged \(.+\): delete it and run `dvc repro`.*$"):
        read_json(TRAIN_FIGURES)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n1,2,3,4\n", b'a,b\n"1,2\n', b"a,b\n\xff\xfe,2\n", None])
def test_a_damaged_table_of_text_is_an_error_of_one_line(project: Path, content: bytes | None) -> None:
    path = EVALUATION / "metrics.csv"
    with pytest.raises(StageError, match=r"reports/evaluate/metrics\.csv is not there yet: run `dvc repro`"):
        read_csv(path)
    spoil(path, content)
    with pytest.raises(StageError, match=r"^reports/evaluate/metrics\.csv is damaged \(.+\): delete it and run .*$"):
        read_csv(path)


def test_a_column_that_a_table_of_text_lacks_is_named(project: Path) -> None:
    path = EVALUATION / "metrics.csv"
    spoil(path, b"a,b\n1,2\n")
    assert list(read_csv(path, ["b"])) == ["a", "b"]
    with pytest.raises(
        StageError, match=r"metrics\.csv is damaged \(it has no column c\): delete it and run `dvc repro`"
    ):
        read_csv(path, ["a", "c"])


def spoil(path: Path, content: bytes | None) -> None:
    """Write `content` to `path`, or make a folder of that name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if content is None else path.write_bytes(content)


def rows(path: Path) -> pd.DataFrame:
    """Three rows as validate, split and evaluate write them."""
    names = ["a.png", "b.png", "c.png"]
    place = {"shard": None, "offset": None, "bytes": 500}
    table = pd.DataFrame({"path": names, **place, "label": ["benign", "malicious", "benign"], "payload": names})
    table = table.assign(version=[3.0, None, 4.0], mask=1, sha256=names)
    if path == PREDICTIONS:
        table = table.assign(network=[0.1, 0.2, 0.9])
    return table if path == VALID else table.assign(part=pd.Categorical(["train", "val", "test"]), group=names)


DAMAGE: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "it has no column bytes": lambda t: t.drop(columns="bytes"),
    "it has no column path": lambda t: t.rename(columns={"path": "Path"}),
    "column payload has empty cells": lambda t: t.assign(payload=[None, "b", "c"]),
    "column payload holds float64 in place of text": lambda t: t.assign(payload=0.5),
    "column version holds str in place of numbers": lambda t: t.assign(version="three"),
    "column path has the same value twice": lambda t: t.assign(path="a.png"),
    "column label has the value bening": lambda t: t.assign(label="bening"),
}


@pytest.mark.parametrize("path", [VALID, SPLITS, PREDICTIONS])
@pytest.mark.parametrize("cause", DAMAGE)
def test_a_table_that_was_changed_by_hand_is_named_with_the_cause(project: Path, path: Path, cause: str) -> None:
    write_table(path, rows(path))
    assert len(read_table(path)) == 3
    DAMAGE[cause](rows(path)).to_parquet(path)
    with pytest.raises(StageError) as error:
        read_table(path)
    assert str(error.value) == f"{path} is damaged ({cause}): delete it and run `dvc repro`, which makes it again"


@pytest.mark.parametrize(("path", "column"), [(VALID, "sha256"), (SPLITS, "group"), (PREDICTIONS, "network")])
def test_a_column_of_one_table_alone_is_missed(project: Path, path: Path, column: str) -> None:
    write_table(path, rows(path).drop(columns=column))
    with pytest.raises(StageError, match=f"it has no column {column}"):
        read_table(path)


def test_a_part_that_is_not_one_is_named(project: Path) -> None:
    write_table(SPLITS, rows(SPLITS).assign(part="training"))
    with pytest.raises(StageError, match="column part has the value training"):
        read_table(SPLITS)
