import numpy as np
import pytest
import segno

from stages.qr.read import read_symbol
from stages.qr.text import payload, payload_of_zbar
from tests.helpers import pixels_of

URL = "http://a.example/"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(URL, "utf-8"), ("bücher", "utf-8"), ("日本", "utf-8"), (URL, "utf-16-be"), ("bücher", "utf-16-be"),
     (URL, "latin1"), ("bücher", "latin1"), ("日本", "shift-jis"), ("カタカナ", "shift-jis"),
     ("中文网站", "gb18030"), ("\ufeffbücher", "utf-8")],
)  # fmt: skip
def test_a_declared_encoding_is_followed(text: str, encoding: str) -> None:
    reading = read_symbol(pixels_of(segno.make_qr(text, encoding=encoding, eci=True, mode="byte")))
    assert (reading.decoded, reading.payload, reading.error) == (True, text.removeprefix("\ufeff"), "")


@pytest.mark.parametrize(
    ("text", "raw", "guess"),
    [
        pytest.param(URL, URL.encode(), "", id="ASCII"),
        pytest.param("bücher", "bücher".encode(), "", id="UTF-8"),
        pytest.param(URL, URL.encode("utf-8-sig"), "", id="UTF-8, BOM"),
        pytest.param(URL, b"\xff\xfe" + URL.encode("utf-16-le"), "", id="UTF-16, little, BOM"),
        pytest.param("日本", b"\xfe\xff" + "日本".encode("utf-16-be"), "", id="UTF-16, big, BOM"),
        pytest.param(URL, URL.encode("utf-16-be"), "UTF-16", id="UTF-16, big"),
        pytest.param(URL, URL.encode("utf-16-le"), "UTF-16", id="UTF-16, little"),
        pytest.param("before\\x00after", b"before\0after", "binary data", id="a NUL is not UTF-16"),
        pytest.param("http://日本.example/", "http://日本.example/".encode("shift-jis"), "Shift JIS", id="Shift JIS"),
        pytest.param("*ﾃﾞｻﾞｲﾝQR*", "*ﾃﾞｻﾞｲﾝQR*".encode("shift-jis"), "Shift JIS", id="half-width katakana"),
        pytest.param("http://网站.example/", "http://网站.example/".encode("gbk"), "GB 2312", id="GBK in a URL"),
        pytest.param("中文网站", "中文网站".encode("gbk"), "GB 2312", id="GBK"),
        pytest.param("http://bücher.example/", "http://bücher.example/".encode("latin-1"), "ISO/IEC 8859-1", id="8859"),
        pytest.param("\\x00\x01\\xff\\xfe\\x80", b"\x00\x01\xff\xfe\x80", "binary data", id="binary"),
        pytest.param("abc\\x00def", b"abc\x00def", "binary data", id="NUL"),
    ],
)
def test_without_a_declaration_the_bytes_decide_and_a_guess_is_named(text: str, raw: bytes, guess: str) -> None:
    reading = read_symbol(pixels_of(segno.make_qr(raw, mode="byte")))
    assert (reading.decoded, reading.payload) == (True, text)
    assert (f"not declared; read as {guess}" in reading.error) if guess else reading.error == ""


def test_a_symbol_without_data_has_an_empty_payload() -> None:
    assert payload(b"") == ("", "")


def test_kanji_mode_is_read() -> None:
    assert read_symbol(pixels_of(segno.make_qr("日本", mode="kanji"))).payload == "日本"


@pytest.mark.parametrize(
    ("text", "data"),
    [(URL, URL.encode()), ("bücher", "bücher".encode()), (URL, URL.encode("utf-16-be")),
     ("bücher", b"\x00b\x00\xc3\xbc\x00c\x00h\x00e\x00r")],
)  # fmt: skip
def test_what_zbar_alone_reads_has_no_nul_either(text: str, data: bytes) -> None:
    assert payload_of_zbar(data).payload == text


def test_a_part_of_a_message_is_named_and_not_taken_for_a_payload_of_its_own() -> None:
    parts = segno.make_sequence(URL * 4, version=2)
    for symbol in parts:
        reading = read_symbol(pixels_of(symbol))
        assert (reading.decoded, reading.symbols, reading.problem) == (False, 1, "structured_append")
        assert "structured append" in reading.error
        assert "\0" not in (reading.payload or "\0")
        assert (reading.payload or "?") in URL * 4
    together = read_symbol(np.hstack([pixels_of(symbol) for symbol in parts]))
    assert (together.symbols, together.problem) == (len(parts), "several_codes")
