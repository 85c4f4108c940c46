import pytest

from stages.predict.sources.text import MANY_BLOCKS, as_utf8, decodings, drawn_with_characters

BLOCK = "\N{FULL BLOCK}"


@pytest.mark.parametrize(
    ("data", "charset", "texts"),
    [
        (BLOCK.encode("utf-16"), "utf-8", [BLOCK]),
        (b"\xfe\xff" + BLOCK.encode("utf-16-be"), "cp437", [BLOCK]),
        (BLOCK.encode("cp437"), "cp437", ["\ufffd", BLOCK]),
        (BLOCK.encode("utf-8-sig"), "", [BLOCK]),
        (BLOCK.encode(), "nonsense", [BLOCK]),
        (BLOCK.encode(), "hex", [BLOCK]),  # a codec of Python's, but not of text
        (BLOCK.encode(), "nul\0l", [BLOCK]),
    ],
)
def test_the_mark_counts_and_else_both_what_is_named_and_utf_8(data: bytes, charset: str, texts: list[str]) -> None:
    assert decodings(data, charset) == texts


def test_text_in_utf_16_becomes_utf_8_and_nothing_else_changes() -> None:
    assert as_utf8("From: a".encode("utf-16")) == b"\xef\xbb\xbfFrom: a"
    assert as_utf8(b"\xff\xfe\x00\xd8") == "\ufeff\ufffd".encode()  # half a pair
    assert as_utf8(b"\x89PNG") == b"\x89PNG"


@pytest.mark.parametrize("character", "\u2588\u2580\u2597\u2593\u25a0\u2b1b\U0001fb1e")
def test_many_blocks_are_a_refusal(character: str) -> None:
    (refusal,) = drawn_with_characters(["", character * MANY_BLOCKS], "part 1")
    assert (refusal.where, getattr(refusal, "reason", "")) == ("part 1", "drawn_with_characters")
    assert not list(drawn_with_characters([character * (MANY_BLOCKS - 1) + "#" * 1000], ""))
