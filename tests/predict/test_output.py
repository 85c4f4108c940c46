import json

import pytest

from stages.predict.output import literal


@pytest.mark.parametrize(
    "text",
    ["https://a.example/?q=1", "=1+1", "@SUM(A1)", "-2", 'say "a\\b"', "a\x1b[31m\u202e\n", "javascript:alert(1)",
     "\\:", "\N{FULLWIDTH EQUALS SIGN}1", "", "\ud800"],
)  # fmt: skip
def test_a_literal_is_the_text_for_a_program_and_nothing_for_a_person_to_click(text: str) -> None:
    written = literal(text)
    assert json.loads(written) == text
    assert not set(":.=@+-\x1b\u202e\n") & set(written)
    assert written.isascii()
