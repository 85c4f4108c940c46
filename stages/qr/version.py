"""What decides how a picture is read, to tell whether what was found out about it before still holds."""

import hashlib
from importlib.metadata import version
from pathlib import Path

import cv2
import PIL

LIBRARIES = cv2.__version__, PIL.__version__, version("pyzbar"), version("zxing-cpp")


def code_version(*others: Path) -> str:
    """SHA-256 of the code in this folder and in `others`, and of the versions of the libraries that it stands on."""
    digest = hashlib.sha256(repr(LIBRARIES).encode())
    for path in (*sorted(Path(__file__).parent.glob("*.py")), *others):
        digest.update(path.read_bytes())
    return digest.hexdigest()
