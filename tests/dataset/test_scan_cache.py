import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.common.settings import Params, load_params
from stages.dataset.row import CONTENT, content_row
from stages.dataset.scan_cache import cache_key, known_rows
from stages.dataset.scan_table import named, write_scan_table
from stages.dataset.storage import Stored

KNOWN = [f"{number:064x}" for number in range(40)]


@pytest.fixture
def table(project: Path) -> Path:
    """A scan table of 40 files."""
    rows = [content_row(sha256=digest, decoded=True, payload=f"https://{digest[-2:]}.example/") for digest in KNOWN]
    content = pa.Table.from_pylist(rows, CONTENT)
    images = [Stored(f"benign/{number}.png") for number in range(len(rows))]
    params = load_params()
    write_scan_table([named(images, content, None, params)], params)
    return project / "data/scan.parquet"


def known(table: Path, params: Params) -> pa.Table:
    return known_rows([table], cache_key(params.scan))


def test_what_is_known_is_taken_from_the_table(table: Path, project: Path) -> None:
    params = load_params()
    assert known(table, params)["sha256"].to_pylist() == KNOWN
    other = params.model_copy(update={"scan": params.scan.model_copy(update={"max_pixels": 5})})
    assert len(known(table, other)) == 0
    assert len(known(project / "nothing", params)) == 0


@pytest.mark.parametrize("module", ["row.py", "signatures.py", "read.py", "image.py"])
def test_nothing_is_taken_over_once_the_code_that_examines_a_file_has_changed(
    table: Path, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a stand-in: the text of one module has another line."""
    really = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: really(path) + (b"#\n" if path.name == module else b""))
    assert len(known(table, load_params())) == 0


def test_one_flipped_bit_is_never_believed(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params, whole = load_params(), table.read_bytes()
    expected = known(table, params)
    rng, damaged = random.Random(3), 0
    for _ in range(300):
        changed = bytearray(whole)
        changed[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        table.write_bytes(changed)
        found = known(table, params)
        assert len(found) == 0 or found.equals(expected)  # some bits say nothing about the content
        damaged += not len(found)
    assert damaged > 150
    assert "scan.parquet is damaged: nothing is taken from it, every file is scanned anew" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 damaged PAR1", b"no table"])
def test_what_is_not_a_table_is_said_and_nothing_is_known(
    table: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    table.write_bytes(content)
    assert len(known(table, load_params())) == 0
    assert "is damaged" in capsys.readouterr().out


def test_other_types_of_the_same_names_are_not_taken(table: Path, project: Path) -> None:
    params = load_params()
    changed = pq.read_table(table)
    place = changed.column_names.index("version")
    changed = changed.set_column(place, "version", changed["version"].cast(pa.string()))
    pq.write_table(changed, table)
    assert len(known(table, params)) == 0
