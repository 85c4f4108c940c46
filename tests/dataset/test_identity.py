from pathlib import Path

import pandas as pd
import pytest

from stages.common.cli import StageError
from stages.dataset.identity import data_sha256, require_same_data

ROWS = pd.DataFrame(
    {"sha256": ["a", "b"], "label": ["benign", "malicious"], "part": ["train", "test"], "path": ["1", "2"]}
)
MODEL = Path("models/model.safetensors")


@pytest.mark.parametrize("column", ["sha256", "label", "part"])
def test_another_image_label_or_part_is_other_data(column: str) -> None:
    other = ROWS.assign(**{column: ROWS[column].iloc[::-1].to_list()})
    assert data_sha256(other) != data_sha256(ROWS)
    with pytest.raises(StageError, match=r"model\.safetensors was trained on other data .* run `dvc repro`"):
        require_same_data(other, {"data_sha256": data_sha256(ROWS)}, MODEL)


def test_another_name_is_the_same_data() -> None:
    require_same_data(ROWS.assign(path=["3", "4"]), {"data_sha256": data_sha256(ROWS)}, MODEL)


def test_a_file_that_names_no_data_is_of_no_training() -> None:
    require_same_data(ROWS, {}, MODEL)  # written by hand, as tests do
