import base64
from io import BytesIO
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup
from PIL import Image

from stages.common.settings import Params, load_params
from stages.dataset.storage import Stored
from stages.page.html import THUMBNAIL_SIDE, template, thumbnail
from tests.helpers import PARAMS, draw_qr, truncate

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


def printed(folder: Path, name: str, value: object) -> str:
    (folder / name).write_text("{{ value }}")
    return template(folder / name).render(value=value)


def test_a_text_of_a_stranger_is_escaped_and_has_no_control_characters(tmp_path: Path) -> None:
    page = printed(tmp_path, "page.html.jinja", HOSTILE)
    assert "&lt;script&gt;alert(1)" in page
    assert not {"<", "\x1b", "\u202e"} & set(page)
    assert not {"\x1b", "\u202e"} & set(printed(tmp_path, "card.md.jinja", HOSTILE))


def test_a_link_of_a_stranger_is_cleaned_on_a_page_and_in_the_card(tmp_path: Path) -> None:
    link = "<b>https://evil.example\n"
    assert printed(tmp_path, "page.html.jinja", link) == "&lt;b&gt;hxxps://evil.example\ufffd"
    assert printed(tmp_path, "card.md.jinja", link) == "<b>hxxps://evil.example\ufffd"


def test_markup_of_our_own_stays(tmp_path: Path) -> None:
    assert printed(tmp_path, "page.html.jinja", Markup("<b>1</b>")) == "<b>1</b>"


def test_a_name_that_the_page_was_not_given_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.html.jinja").write_text("{{ nothing }}")
    with pytest.raises(UndefinedError):
        template(tmp_path / "page.html.jinja").render()


@pytest.fixture
def params(tmp_path: Path) -> Params:
    params = load_params(PARAMS)
    return params.model_copy(update={"data": params.data.model_copy(update={"images": tmp_path})})


def picture(uri: str) -> Image.Image:
    kind, _, data = uri.partition(",")
    assert kind == "data:image/webp;base64"
    return Image.open(BytesIO(base64.b64decode(data)))


def test_a_thumbnail_keeps_its_ratio_and_does_not_grow(tmp_path: Path, params: Params) -> None:
    Image.new("L", (400, 100), 200).save(tmp_path / "wide.png")
    Image.new("L", (20, 10), 200).save(tmp_path / "small.png")
    assert picture(thumbnail(Stored("wide.png"), params)[0]).size == (THUMBNAIL_SIDE, THUMBNAIL_SIDE // 4)
    assert picture(thumbnail(Stored("small.png"), params)[0]).size == (20, 10)


@pytest.mark.parametrize("name", ["gone.png", "cut.png", "text.png"])
def test_a_picture_that_cannot_be_shown_is_answered_with_why(tmp_path: Path, params: Params, name: str) -> None:
    truncate(draw_qr(tmp_path / "cut.png", "https://a.example/"))
    (tmp_path / "text.png").write_text("no picture")
    uri, why = thumbnail(Stored(name), params)
    assert (uri, bool(why)) == ("", True)
