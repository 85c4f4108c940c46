"""PDF files: each page as it is shown, the images in it as they are stored, and the files attached to it."""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np

from stages.predict.sources.item import Found, Item, Limits, Picture, Refusal, below

DPI = 200  # a code of 2 cm and 33 modules has 5 pixels a module then
MAX_SIDE = 4000  # pixels of a rendered page; larger pages (posters) are rendered more coarsely
IMAGES_OF_A_PAGE = 50
POINTS = 72  # units of a PDF file to an inch (ISO 32000-1, 8.3.2.3)


def open_pdf(data: bytes, where: str, limits: Limits, inner: Callable[..., Item]) -> Found:
    """Each page and each attached file is an item. No script of the file is run, and no address in it is fetched."""
    try:
        import pypdfium2
    except ImportError:
        yield Refusal(where, "not_opened", "a PDF file; to read those: pip install 'qr-gate[pdf]'")
        return
    try:
        document = pypdfium2.PdfDocument(data)
        pages = len(document)
    except pypdfium2.PdfiumError as error:
        encrypted = "password" in str(error).lower()
        yield Refusal(where, "encrypted" if encrypted else "damaged", _damage(encrypted))
        return
    if not pages:
        yield Refusal(where, "damaged", _damage(False))
    for index in range(pages):
        name = below(where, f"page {index + 1}")
        yield Item(name, partial(_open_page, document, index, name, limits))
    for index in range(document.count_attachments()):
        name = below(where, f"attachment {index + 1}")
        yield Item(name, partial(_open_attachment, document, index, name, inner))


def _damage(encrypted: bool) -> str:
    return "an encrypted PDF file, which needs a password" if encrypted else "a damaged PDF file"


def _open_page(document: Any, index: int, where: str, limits: Limits) -> Found:
    page = document[index]
    try:
        longest = max(page.get_size())
        scale = min(DPI / POINTS, MAX_SIDE / max(longest, 1), limits.max_pixels**0.5 / max(longest, 1))
        yield _picture(where, page.render(scale=scale, grayscale=True, fill_color=(255, 255, 255, 255)))
        yield from _images(page, where, limits)
    finally:
        page.close()


def _images(page: Any, where: str, limits: Limits) -> Found:
    import pypdfium2.raw as pdfium

    for number, image in enumerate(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]), 1):
        name = below(where, f"image {number}")
        if number > IMAGES_OF_A_PAGE:
            yield Refusal(where, "too_many_parts", f"only the first {IMAGES_OF_A_PAGE} images of the page were read")
            return
        width, height = image.get_px_size()
        if width * height > limits.max_pixels:
            bounds = f"more than --max-pixels = {limits.max_pixels:,}"
            yield Refusal(name, "too_large", f"{width} x {height} pixels, {bounds}")
        else:
            yield _picture(name, image.get_bitmap())


def _picture(where: str, bitmap: Any) -> Picture:
    pixels = np.asarray(bitmap.to_pil().convert("L" if bitmap.mode in ("L", "") else "RGB"))
    return Picture(where, pixels, sha256(pixels.tobytes()).hexdigest())


def _open_attachment(document: Any, index: int, where: str, inner: Callable[..., Item]) -> Found:
    attached = document.get_attachment(index)
    yield from inner(bytes(attached.get_data()), attached.get_name(), where).open()
