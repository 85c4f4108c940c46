"""Other ways to look at a folder of QR codes, as a user would write them."""

import os
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from PIL import Image
from pyzbar import pyzbar


def plain_loop(files: Sequence[Path]) -> list[bytes]:
    """The payloads, read one picture after the other."""
    return [read(file) for file in files]


def pool_loop(files: Sequence[Path]) -> list[bytes]:
    """The same in two processes."""
    with Pool(2) as pool:
        return pool.map(read, files)


def read(file: Path) -> bytes:
    """The payload of one picture, b"" where none is read."""
    found = pyzbar.decode(Image.open(file))
    return found[0].data if found else b""


def pool_of_pixels(files: Sequence[Path]) -> int:
    """No more than reading and decompressing, in two processes; the number of pixels."""
    with Pool(2) as pool:
        return sum(pool.imap(pixels, files, chunksize=64))


def pixels(file: Path) -> int:
    """Read and decompress one picture; its number of pixels."""
    return np.asarray(Image.open(file).convert("L")).size


def audit(folder: Path) -> int:
    """CleanVision's audit of all pictures below `folder`; how many it looked at."""
    from cleanvision import Imagelab

    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        lab = Imagelab(data_path=str(folder))
        lab.find_issues(n_jobs=2, verbose=False)
    return len(lab.issues)
