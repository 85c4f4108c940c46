from pathlib import Path

import pytest

from stages.dataset.storage import Stored
from stages.network.view import view
from stages.predict import codes
from stages.predict.codes import Progress, codes_in
from stages.predict.paths import Source
from stages.predict.sources.item import Limits
from tests.predict.asking import URL, mail, png

MAIL = mail(*(("image/png", f"{i}.png", png(f"https://a{i}.example/")) for i in range(3))).as_bytes()


def reasons(content: bytes, progress: Progress, limits: Limits | None = None) -> list[str]:
    found = codes_in(Source("x.eml", Stored("x.eml"), content=content), limits or Limits(), progress, view)
    return [code.reason or code.payload or "" for code in found]


def test_a_part_that_killed_a_worker_is_left_alone_and_the_others_are_read(tmp_path: Path) -> None:
    file = tmp_path / "part"
    progress = Progress(file=str(file), deadly={3: "it died"})  # 0 is the mail itself, 1 its text, 2 the first picture
    assert reasons(MAIL, progress) == ["https://a0.example/", "kills_decoder", "https://a2.example/"]
    assert file.read_text() == "4"  # the last that was opened


def test_after_several_deaths_the_rest_is_not_opened() -> None:
    assert reasons(MAIL, Progress(give_up=3)) == ["https://a0.example/", "kills_decoder", "kills_decoder"]


def test_the_time_and_the_answers_of_a_file_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reasons(MAIL, Progress(), Limits(timeout=-1)) == ["too_many_parts"]
    monkeypatch.setattr(codes, "MAX_CODES", 2)
    assert reasons(MAIL, Progress()) == ["https://a0.example/", "https://a1.example/", "too_many_parts"]


def test_a_code_says_where_it_is_and_of_what() -> None:
    (code,) = codes_in(Source("x", Stored("x"), content=png()), Limits(), Progress(), view)
    assert (code.payload, code.index, code.decoder, code.version) == (URL, 1, "both", 3)
    assert code.corners is not None
    assert code.corners.round().tolist()[0] == [16, 16]
    assert code.file_sha256 == code.picture_sha256
    assert code.seen is not None
    assert code.seen.shape == (224, 224)
