"""A checksum that a file carries in itself, for formats that have none: JSON, and ONNX, whose weights may be anything.

It is the SHA-256 of the file with zeros in its place, which is behind MARK, wherever the format has room for a text.
"""

from hashlib import sha256
from pathlib import Path

from stages.common.cli import StageError, stderr

MARK = b"sha256 of this file: "
ZEROS = b"0" * 64
BLANK = (MARK + ZEROS).decode()  # what a file has before `seal`


def seal(path: Path) -> None:
    """Put the checksum in its place in the file at `path`, which has BLANK. Raises ValueError where it has not."""
    data = path.read_bytes()
    with path.open("r+b") as stream:
        stream.seek(data.rindex(BLANK.encode()) + len(MARK))
        stream.write(sha256(data).hexdigest().encode())


def require_sealed(path: Path, again: str) -> None:
    """Raise StageError where the file at `path` is not as it was sealed; `again` says how to get another.

    One without a checksum, as earlier versions wrote them, is taken, and a line on stderr says so.
    """
    content = path.read_bytes()
    data, at = memoryview(content), content.rfind(MARK) + len(MARK)
    if at < len(MARK):
        stderr.print(f"{path} has no checksum in it, so damage would go unnoticed: {again}", markup=False)
        return
    digest = sha256(data[:at])
    digest.update(ZEROS)
    digest.update(data[at + len(ZEROS) :])
    if digest.hexdigest().encode() != data[at : at + len(ZEROS)]:
        raise StageError(f"{path} is damaged: it does not have the checksum that it carries; {again}")
