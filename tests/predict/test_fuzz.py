from pathlib import Path

import pytest

from tests.predict.fuzz import lost, mutants, rows, run


@pytest.mark.slow
def test_no_damaged_file_is_lost(tmp_path: Path, model: Path) -> None:
    ended = run(tmp_path, 0, 150, model)
    assert ended.returncode in (3, 4), ended.stderr
    assert lost(tmp_path, 150) == []
    assert {"damaged", "no_code", ""} <= {row["reason"] for row in rows(tmp_path)}


def test_the_same_seed_gives_the_same_files() -> None:
    assert list(mutants(3, 20)) == list(mutants(3, 20))
