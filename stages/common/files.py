"""Write files so that they appear whole or not at all."""

import glob
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, delete it on failure.

    The body writes a file or a folder there, which replaces whatever was at `path`. The name is this
    process's own; what a killed process has left is removed by the next one. An OSError without a file
    name, as pyarrow raises them, gets that of `path`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            yield temporary
            if path.is_dir():
                _swap(temporary, path)
            else:
                temporary.replace(path)
        finally:
            remove(temporary)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def _swap(new: Path, folder: Path) -> None:
    """Put `new` in the place of `folder`, which no system does in one step; `folder` stays where that fails."""
    old = new.with_name(f"{new.name.removesuffix('.partial')}.old.partial")
    folder.rename(old)
    try:
        new.replace(folder)
    except BaseException:
        old.rename(folder)
        raise
    remove(old)


def _remove_stale(path: Path) -> None:
    """Delete the temporaries of `path` whose process is gone, or is this one."""
    for stale in path.parent.glob(f".{glob.escape(path.name)}*.partial"):
        number = stale.name.removeprefix(f".{path.name}").split(".")[1]
        if not number.isdecimal() or int(number) == os.getpid() or not _runs(int(number)):
            remove(stale)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)  # asks, and sends nothing
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True


def remove(path: Path) -> None:
    """Delete the file or folder at `path`, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write `value` as JSON; floats are rounded to six digits (for readable diffs), NaN and infinity become null."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(_rounded(value), indent=2, allow_nan=False) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, float):
        return round(float(value), 6) if isfinite(value) else None
    return value
