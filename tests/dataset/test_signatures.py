import io
import zipfile

import pytest
from PIL import Image

from stages.dataset.signatures import kind_by_signature


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.png", b"x")
    return stream.getvalue()


def saved(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (zipped(), "a zip archive: unzip it, and name the folder"),
        (saved("PDF"), "a PDF document: export it as PNG"),
        (saved("AVIF"), "an AVIF picture: export it as PNG"),
        (saved("JPEG2000"), "a JPEG 2000 picture: export it as PNG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "an HEIC picture: export it as PNG"),
        (b"\xff\x0a\xfa\x1f", "a JPEG XL picture: export it as PNG"),
        (
            b'<?xml version="1.0"?>\n<!-- x -->\n<svg xmlns="x"/>',
            "an SVG drawing: export it as PNG",
        ),
        (b"\xef\xbb\xbf <SVG width='1'/>", "an SVG drawing: export it as PNG"),
        (b"<!DOCTYPE html><title>404</title>", "a web page in place of a picture: download it again"),
        (b"\x1f\x8b\x08\x00", "compressed with gzip, as a .tar.gz is"),
        (saved("PNG"), ""),
        (b"plain text", ""),
        (b"", ""),
    ],
)
def test_a_file_is_known_by_its_first_bytes(data: bytes, kind: str) -> None:
    found = kind_by_signature(data)
    assert found.startswith(kind) and bool(found) == bool(kind)
