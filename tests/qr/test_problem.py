from pathlib import Path

from stages.common.settings import load_params
from stages.dataset.row import examine
from stages.dataset.storage import Stored
from stages.qr.problem import Problem
from tests.helpers import PARAMS, draw_qr, truncate


def test_none_is_the_empty_text_and_every_code_has_its_own() -> None:
    assert Problem.NONE == "" and not Problem.NONE
    assert len({str(problem) for problem in Problem}) == len(Problem)
    assert Problem("no_code") is Problem.NO_CODE


def test_the_table_holds_these_codes(tmp_path: Path) -> None:
    draw_qr(tmp_path / "good.png", "https://a.example/")
    truncate(draw_qr(tmp_path / "cut.png", "https://a.example/"))
    (tmp_path / "text.png").write_text("no picture")
    settings = load_params(PARAMS).scan
    found = {
        name: examine(Stored(f"{name}.png"), str(tmp_path), settings)["problem"] for name in ("good", "cut", "text")
    }
    assert found == {"good": Problem.NONE, "cut": Problem.TRUNCATED, "text": Problem.NOT_AN_IMAGE}
