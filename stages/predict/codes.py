"""The codes in one file, read in a worker process, which a file may kill.

The verdict, payload, corners and pixels of a `Code` are those of the same symbol: each is made from one
symbol that was located, and a payload that nobody located is not judged.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

import numpy as np

from stages.common.turn import set_alarm
from stages.dataset.storage import read_bytes
from stages.predict.paths import Source
from stages.predict.sources.image import refusal
from stages.predict.sources.item import Item, Limits, Picture, Refusal
from stages.predict.sources.opened import item_of
from stages.predict.sources.sniff import kind_of_file
from stages.qr.image import UnusableImageError, grey
from stages.qr.read import summary, symbols
from stages.qr.rectify import rectify, rectify_symbol
from stages.qr.symbol import Symbol

TIMEOUTS_A_FILE = 10  # so many times `Limits.timeout` for all parts of a file together
MAX_CODES = 1000  # of a file
See = Callable[[np.ndarray, bool], np.ndarray | None]  # stages.network.input.Input.see
MEMORY = 3 * 2**30  # bytes that a worker may hold


@dataclass(frozen=True)
class Code:
    """One QR code; or, where `seen` is None, why there is none to judge (`reason`, and in words `detail`).

    `where` is its place in the file, `index` counts the codes of a picture from 1. `seen` is what the
    network takes, as stages.network.input.Input.see makes it. `payload` is as it was read, `corners` as in
    stages.qr.symbol.Symbol, `version` the symbol's. With `skipped` the file holds no pictures.
    """

    path: str
    where: str = ""
    index: int | None = None
    seen: np.ndarray | None = None
    payload: str | None = None
    corners: np.ndarray | None = None
    version: int | None = None
    decoder: str = ""
    reason: str = ""
    detail: str = ""
    file_sha256: str | None = None
    picture_sha256: str | None = None
    skipped: bool = False


@dataclass
class Progress:
    """Which part of a file is being opened, written where the parent can read it after this process has died.

    Parts in `deadly` (number -> why) are not opened again; none is from `give_up` on. In a worker (`alarmed`)
    a part that takes longer than its time ends the process.
    """

    alarmed: bool = False

    file: str | None = None
    deadly: dict[int, str] = field(default_factory=dict)
    give_up: int | None = None
    part: int = -1

    def begin(self, limits: Limits) -> str:
        """Go on to the next part; why it must not be opened, or ""."""
        self.part += 1
        if self.give_up is not None and self.part >= self.give_up:
            return "several parts of this file killed their reader; this one was not opened"
        if self.part in self.deadly:
            return self.deadly[self.part]
        if self.file:
            with open(self.file, "wb", buffering=0) as stream:  # noqa: PTH123
                stream.write(b"%d" % self.part)
        if self.alarmed:
            set_alarm(limits.timeout)
        return ""


def codes_in(source: Source, limits: Limits, progress: Progress, see: See) -> list[Code]:
    """The codes in a file as a network sees them, at least one entry. Never raises for the content of a file."""
    if source.reason:
        return [Code(source.path, reason=source.reason, detail=source.detail)]
    try:
        data = source.content if source.content is not None else read_bytes("", source.stored, limits.max_bytes)
    except UnusableImageError as problem:
        return [replace(_refused(refusal("", problem)), path=source.path)]
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or str(problem)
        return [Code(source.path, reason="unreadable", detail=f"cannot be opened: {why}")]
    if not source.named and not kind_of_file(data, source.path):
        return [Code(source.path, skipped=True)]
    digest = sha256(data).hexdigest()
    root = item_of(data, source.path, "", limits, 0)
    return [replace(code, path=source.path, file_sha256=digest) for code in _walk(root, limits, progress, see)]


def _walk(root: Item, limits: Limits, progress: Progress, see: See) -> Iterator[Code]:
    """The answers of all items below `root`; "no QR code" only where there is nothing else to say of the file."""
    waiting, seen, pictures, answered, opened = [root], set[bytes](), 0, 0, 0
    end = time.monotonic() + TIMEOUTS_A_FILE * limits.timeout
    while waiting:
        item = waiting.pop()
        opened += 1
        if why := _bound(opened - 1, answered, end, limits):
            yield Code("", item.where, reason="too_many_parts", detail=why)
            return
        if why := progress.begin(limits):
            yield Code("", item.where, reason="kills_decoder", detail=why)
            answered += 1
            continue
        children: list[Item] = []
        for found in _opened(item):
            if isinstance(found, Item):
                children.append(found)
                if len(children) > limits.max_parts:
                    break
                continue
            pictures += isinstance(found, Picture)
            for code in [_refused(found)] if isinstance(found, Refusal) else _codes(found, see):
                same = _fingerprint(code)
                if code.reason != "no_code" and same not in seen:
                    if same:
                        seen.add(same)
                    answered += 1
                    yield code
        waiting += reversed(children)
    if not answered:
        of = f" in any of its {pictures} pictures" if pictures > 1 else "" if pictures else ": it has no pictures"
        yield Code("", reason="no_code", detail=f"no QR code found{of}")


def _fingerprint(code: Code) -> bytes:
    """The same for a code that was seen in the same pixels before, as in the frames of an animation; b"" if unread."""
    if code.seen is None:
        return b""
    return sha256(repr(code.payload).encode("utf-8", "backslashreplace") + code.seen.tobytes()).digest()


def _bound(opened: int, answered: int, end: float, limits: Limits) -> str:
    if opened > limits.max_parts:
        return f"more than --max-parts = {limits.max_parts:,} parts; this one and the rest were not opened"
    if answered >= MAX_CODES:
        return f"more than {MAX_CODES:,} answers on one file; the rest was not opened"
    if time.monotonic() > end:
        return f"the file takes more than {TIMEOUTS_A_FILE} times --timeout; the rest was not opened"
    return ""


def _opened(item: Item) -> Iterator[Picture | Refusal | Item]:
    try:
        yield from item.open()
    except MemoryError:
        yield Refusal(item.where, "too_large", "it takes more memory than it may")
    except Exception as problem:  # a reader's own defect: this part is named, the others go on
        yield Refusal(item.where, "kills_decoder", f"its reader failed ({type(problem).__name__})")


def _refused(refusal: Refusal) -> Code:
    return Code("", refusal.where, reason=refusal.reason, detail=refusal.detail)


def _codes(picture: Picture, see: See) -> list[Code]:
    luma = grey(picture.pixels)
    found = symbols(luma)
    blank = Code("", picture.where, picture_sha256=picture.sha256)
    if not found:
        why = summary(luma, found)
        return [replace(blank, reason=str(why.problem), detail=why.error)]
    return [
        replace(
            _code(picture.pixels, symbol, found, see), where=blank.where, index=number, picture_sha256=picture.sha256
        )
        for number, symbol in enumerate(found, 1)
    ]


def _code(pixels: np.ndarray, symbol: Symbol, found: list[Symbol], see: See) -> Code:
    code = Code("", payload=symbol.payload, corners=symbol.corners, version=symbol.version, decoder=symbol.decoder)
    if symbol.partial:
        detail = "a part of a message in several QR codes (structured append)"
        return replace(code, reason="structured_append", detail=detail)
    if symbol.side is None:
        detail = "only pyzbar reads it, which does not locate it well enough; show it in a sharper picture of its own"
        return replace(code, reason="not_located", detail=detail)
    # Of a picture with no other code the network sees what it sees in evaluation.
    seen = see(rectify(pixels, found) if len(found) == 1 else rectify_symbol(pixels, symbol), False)
    if seen is None:
        return replace(code, reason="not_located", detail="its modules cannot be read; show it in a sharper picture")
    return replace(code, seen=seen)
