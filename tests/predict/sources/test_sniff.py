import pytest

from stages.predict.sources.sniff import kind_of_file
from tests.predict.asking import mail, pdf, picture, png


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (png(), "a.txt", "image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "", "image"),
        (b"junk", "a.png", "image"),
        (b"\0\0\0\x20ftypheic", "a.heic", "image"),
        (pdf(picture()), "", "pdf"),
        (b"\xef\xbb\xbf\n junk %PDF-1.4", "", "pdf"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.msg", "outlook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.doc", ""),
        (b"<?xml version='1.0'?>\n<svg>", "", "svg"),
        (b"\x1f\x8b", "a.svgz", "svg"),
        (mail().as_bytes(), "", "mail"),
        (b"From a@a.example Thu Jan  1\n" + mail().as_bytes(), "", "mail"),
        (b"anything", "a.eml", "mail"),
        (b"<!-- saved --><!DOCTYPE html>", "", "html"),
        (b"anything", "a.htm", "html"),
        (b"Subject: a note\n\nwhich is no mail", "a.txt", ""),
        (b"a text", "a.txt", ""),
        (b"PK\3\4", "a.zip", ""),
        (b"", "", ""),
    ],
)
def test_kinds(data: bytes, name: str, kind: str) -> None:
    assert kind_of_file(data, name) == kind
