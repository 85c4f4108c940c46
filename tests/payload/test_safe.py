from pathlib import Path

import pytest
from jinja2 import UndefinedError

from stages.page.html import template


def filled(tmp_path: Path, name: str, text: str, **values: str) -> str:
    (tmp_path / name).write_text(text)
    return template(tmp_path / name).render(values)


def test_what_a_template_prints_is_cleaned_and_in_html_escaped(tmp_path: Path) -> None:
    hostile = "<b>https://evil.example\n\N{RIGHT-TO-LEFT OVERRIDE}"
    assert filled(tmp_path, "a.html.jinja", "{{ x }}", x=hostile) == "&lt;b&gt;hxxps://evil.example\ufffd\ufffd"
    assert filled(tmp_path, "a.md.jinja", "{{ x }}", x=hostile) == "<b>hxxps://evil.example\ufffd\ufffd"


def test_a_name_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UndefinedError):
        filled(tmp_path, "a.html.jinja", "{{ y }}")
