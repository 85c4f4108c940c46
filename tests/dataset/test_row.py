"""What one look at a file says, where neither its name nor a whole scan matters."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from stages.common.settings import load_params
from stages.dataset import row
from stages.dataset.row import CONTENT, Row, examine
from stages.dataset.scan_cache import KEY, known_rows
from stages.dataset.storage import Stored
from tests.helpers import PARAMS, draw_qr, drawn

URL = "https://a.example/"


def examined(path: Path) -> Row:
    found = examine(Stored(path.name), str(path.parent), load_params(PARAMS).scan)
    assert list(found) == CONTENT.names
    return found


def saved(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize(("high", "contrast"), [(255, 255), (40, 40), (1, 1)])
def test_a_picture_black_to_people_has_no_contrast(tmp_path: Path, high: int, contrast: int) -> None:
    found = examined(saved(tmp_path / "a.png", (drawn(URL) // 255 * high).astype(np.uint8)))
    assert (found["decoded"], found["payload"]) == (True, URL)
    assert found["contrast"] == pytest.approx(contrast, abs=0.5)


def test_of_what_cannot_be_decoded_the_contrast_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert examined(tmp_path / "a.png")["contrast"] is None


def test_sixteen_bits_with_values_of_one_are_named(tmp_path: Path) -> None:
    found = examined(saved(tmp_path / "a.png", drawn(URL).astype(np.uint16) // 255))
    assert (found["decoded"], found["problem"]) == (False, "black_16_bit")
    assert "multiply them by 65,535" in found["error"]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_white_on_transparent_is_read(tmp_path: Path, mode: str) -> None:
    """As a designer's export has it: on white there is nothing to see."""
    ink = Image.fromarray(255 - drawn(URL))
    white = [Image.new("L", ink.size, 255)] * (len(mode) - 1)
    Image.merge(mode, [*white, ink]).save(tmp_path / "a.png")
    found = examined(tmp_path / "a.png")
    assert (found["decoded"], found["payload"], found["inverted"]) == (True, URL, True)


@pytest.mark.parametrize("error", [MemoryError(), cv2.error("no memory")])
def test_short_memory_is_a_problem_of_the_machine_and_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    if isinstance(error, cv2.error):
        error.code = cv2.Error.STS_NO_MEM

    def short(*_: Any) -> None:
        raise error

    monkeypatch.setattr(row, "read_symbol", short)
    found = examined(draw_qr(tmp_path / "a.png", URL))
    assert (found["problem"], found["decoded"]) == ("out_of_memory", False)
    assert "damaged" not in found["error"] and "delete" not in found["error"]
    table = pa.Table.from_pylist([found], CONTENT).replace_schema_metadata({KEY: "key"})
    row_file = tmp_path / "scan.parquet"
    pq.write_table(table, row_file)
    assert len(known_rows([row_file], "key")) == 0


def test_a_link_within_the_folder_is_read_and_one_out_of_it_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    real = examined(draw_qr(folder / "a.png", URL))
    (folder / "in.png").symlink_to(folder / "a.png")
    (folder / "out.png").symlink_to(draw_qr(tmp_path / "b.png", URL))
    assert examined(folder / "in.png") == real
    assert real["bytes"] == (folder / "a.png").stat().st_size
    out = examined(folder / "out.png")
    assert (out["problem"], out["bytes"], out["sha256"]) == ("link", None, None)


def test_a_file_that_is_too_large_is_not_read_but_has_its_size(tmp_path: Path) -> None:
    path = draw_qr(tmp_path / "a.png", URL)
    settings = load_params(PARAMS).scan.model_copy(update={"max_bytes": 100})
    found = examine(Stored(path.name), str(tmp_path), settings)
    assert (found["problem"], found["bytes"], found["sha256"]) == ("too_large", path.stat().st_size, None)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA"])
def test_the_mode_of_a_drawn_picture_makes_no_difference(tmp_path: Path, mode: str) -> None:
    found = examined(draw_qr(tmp_path / "a.png", URL))
    picture = tmp_path / f"{mode}.png"
    Image.open(tmp_path / "a.png").convert(mode).save(picture)
    other = examined(picture)
    for name in ("decoded", "payload", "version", "mask", "module_px", "quiet_zone", "contrast", "brightness"):
        assert other[name] == found[name]
