"""Thousands of damaged files are in `python -m tests.fuzz`; here are some hundred, and what they have taught."""

import random
from itertools import islice
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from tests.fuzz import artefacts, images
from tests.helpers import LINUX, run_python

COUNT = 300


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, str]:
    """The table, and what the scan said."""
    folder = tmp_path_factory.mktemp("fuzz")
    ended = images.scan(folder, seed=1, count=COUNT, workers=2)
    assert ended.returncode == 0, ended.stderr
    return pd.read_parquet(folder / "data/scan.parquet"), ended.stdout + ended.stderr


@pytest.fixture
def table(scanned: tuple[pd.DataFrame, str]) -> pd.DataFrame:
    return scanned[0]


def test_the_same_seed_makes_the_same_files() -> None:
    files = list(images.mutants(1, 40))
    assert files == list(islice(images.mutants(1, 1000), 40))
    assert not {data for _, data in files} & {data for _, data in images.mutants(2, 40)} - {b""}


def test_files_are_of_every_format_and_kind(table: pd.DataFrame) -> None:
    assert {path.rpartition(".")[2] for path in table["path"]} == {"png", "jpg", "webp", "gif", "bmp", "tiff"}
    assert all(table["path"].str.contains(name).any() for name in images.MUTATIONS)
    assert table["format"].nunique() == 6
    assert table["decoded"].any()


def test_each_file_is_one_row(table: pd.DataFrame) -> None:
    assert table["path"].tolist() == sorted(f"benign/{name}" for name, _ in images.mutants(1, COUNT))
    assert ((table["problem"] == "") == table["decoded"]).all()
    assert table["error"][~table["decoded"]].all()


def test_no_file_kills_its_decoder(table: pd.DataFrame) -> None:
    """All of these are damaged in ways that the decoders notice."""
    killed = table[table["problem"] == "kills_decoder"]
    assert killed["error"].to_dict() == {}, killed["path"].tolist()


def test_the_terminal_is_spared_the_complaints_of_the_decoders(scanned: tuple[pd.DataFrame, str]) -> None:
    said = scanned[1]
    assert {character for character in said if not character.isprintable()} <= {"\n"}
    assert said.count("\n") < 10, said


def test_no_damage_of_an_artefact_is_silent(tmp_path: Path) -> None:
    found = artefacts.run(tmp_path, list(artefacts.KINDS), seed=1, count=12, workers=2)
    assert found.groupby("kind").size().to_dict() == dict.fromkeys(artefacts.KINDS, 12)
    assert found[~found["outcome"].isin(["said", "same"])].to_dict("records") == []
    assert set(found.loc[found["outcome"] == "said", "kind"]) == set(artefacts.KINDS)


def test_the_same_seed_damages_artefacts_alike() -> None:
    data = bytes(range(256)) * 100
    first, again, other = (artefacts.damaged(data, random.Random(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert data not in (first, other)


STRIP = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))  # a part of which are libraries
from pathlib import Path
from stages.common.settings import load_params
from stages.dataset.row import examine
from stages.dataset.storage import Stored
print(examine(Stored("strip.png"), ".", load_params().scan)["problem"])
# Not ru_maxrss, which a process inherits from its parent.
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024)
"""


@LINUX
@pytest.mark.parametrize("size", [(65_535, 21), (21, 65_535), (70_000, 30)])
def test_a_small_file_cannot_ask_for_much_memory(project: Path, size: tuple[int, int]) -> None:
    """300 bytes with 1.4 million pixels: OpenCV's detector enlarges a strip until its shorter side has 512."""
    Image.new("1", size, 1).save("strip.png")
    ended = run_python("-c", STRIP, folder=project)
    assert ended.returncode == 0, ended.stderr
    problem, peak_mib = ended.stdout.split()
    assert problem in ("no_code", "too_large")
    assert int(peak_mib) < 1000
