from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages.common import artefacts
from stages.common.artefacts import SCAN, read_table, write_table
from stages.common.cli import StageError
from tests.helpers import REPO

PRIVATE = {artefacts.VIEW_CACHE, artefacts.CHECKPOINT}  # of one stage alone, so DVC need not know them
TABLE = pd.DataFrame({"path": [f"{i}.png" for i in range(1000)], "bytes": range(1000)})


def test_each_output_in_dvc_yaml_has_its_name_here() -> None:
    stages = YAML(typ="safe").load(REPO / "dvc.yaml")["stages"].values()
    outputs = [out for stage in stages for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    written = {Path(out if isinstance(out, str) else next(iter(out))) for out in outputs}
    assert written <= {path for path in vars(artefacts).values() if isinstance(path, Path)} - PRIVATE


def test_a_table_is_read_as_it_was_written(project: Path) -> None:
    write_table(SCAN, TABLE)
    pd.testing.assert_frame_equal(read_table(SCAN), TABLE)


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


def test_a_folder_of_its_name_is_no_table(project: Path) -> None:
    SCAN.mkdir(parents=True)
    with pytest.raises(StageError, match="it is a folder"):
        read_table(SCAN)
