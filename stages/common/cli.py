"""How every command starts, and how it fails: with one line that names the file and the remedy."""

import argparse
import errno
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

stderr = Console(stderr=True, highlight=False)
stdout = Console(highlight=False)
for _console in (stderr, stdout):
    _console.soft_wrap = not _console.is_terminal  # what is read by a program keeps its lines

WIDEST = 118  # characters of a line of --help
NUMBERED = re.compile(r"\d+\. ")


class StageError(Exception):
    """A foreseeable failure. Its message says what is wrong, where, and what to do."""


def run_stage(main: Callable[[], None]) -> None:
    """`run` for a stage: `--help` prints its docstring, any other argument is an error (status 2)."""
    document = sys.modules[main.__module__].__doc__
    name = Path(sys.argv[0]).stem
    parser = argparse.ArgumentParser(
        prog=f"python -m stages.{name}",
        usage="%(prog)s [--help]",
        description=document,
        epilog=f"Settings are in params.yaml. To try others without editing it: dvc exp run -S {name}.KEY=VALUE",
        formatter_class=Help,
    )
    _, others = parser.parse_known_args()
    if others:
        parser.error(f"unknown argument {printable(others[0])}: a stage takes its settings from params.yaml")

    def alone() -> None:
        with one_at_a_time(name):
            main()

    # Processes that train together (torchrun sets RANK) are one run; that which started them has the lock.
    run(main if "RANK" in os.environ else alone)


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Hold the lock of the stage `name` in the working directory; StageError, with the holder, where it is taken.

    The lock ends with the process that holds it, however that ends.
    """
    path = Path(f"data/.{name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        try:
            holder = path.read_text() or "another process"
        except OSError:  # Windows locks what it says, too
            holder = "another process"
        raise StageError(f"stages.{name} runs here already ({holder}): wait for it, or end it") from None
    try:
        path.write_text(f"process {os.getpid()}, since {datetime.now():%Y-%m-%d %H:%M:%S}")
        yield
    finally:
        lock.release()


def command_parser(name: str, document: str | None) -> argparse.ArgumentParser:
    """A parser for `python -m stages.NAME` whose `--help` prints `document`, its docstring, and the options."""
    return argparse.ArgumentParser(prog=f"python -m stages.{name}", description=document, formatter_class=Help)


class Help(argparse.RawDescriptionHelpFormatter):
    """Fits a docstring to the terminal: paragraphs are filled, lines of a list and of examples stay lines."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        blocks: list[str] = []
        hang = -1  # where a line that goes on with the block before it begins
        for line in text.splitlines():
            if line.strip() and hang == len(line) - len(line.lstrip()) and not NUMBERED.match(line):
                blocks[-1] += f" {line.strip()}"
            else:
                blocks.append(line)
                hang = _hang(line)
        return "\n".join(_wrapped(block, min(width, WIDEST)) for block in blocks)


def _hang(line: str) -> int:
    """Where the text of `line` begins: after its number, or in its last column; -1 for an example of one column."""
    if not line.strip():
        return -1
    if found := NUMBERED.match(line):
        return found.end()
    columns = [gap.end() for gap in re.finditer(r"\S {2,}(?=\S)", line)]
    return 0 if not line.startswith(" ") else columns[-1] if columns else -1


def _wrapped(block: str, width: int) -> str:
    hang, indent = _hang(block), len(block) - len(block.lstrip())
    deep = hang if 0 <= hang < width / 2 else indent + 4
    return textwrap.fill(block, width, subsequent_indent=" " * deep, break_long_words=False, break_on_hyphens=False)


def run(main: Callable[[], None]) -> None:
    """Call `main` and end the process; a foreseeable failure is one line on stderr.

    Exit status: 0 success, 1 a `StageError`, a full disk or a file without permission, 130 Ctrl-C. Anything
    else is a bug and keeps its traceback.
    """
    try:
        main()
    except StageError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("interrupted; no half-written output was kept, `dvc repro` continues from here", 130)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            fail(f"the disk is full ({error.filename or 'while writing'}): free some space, then `dvc repro` continues")
        if error.errno in (errno.EACCES, errno.EROFS):
            what = f"{error.filename}: " if error.filename else ""
            fail(f"{what}{error.strerror or error}; check who owns the file and its folder")
        raise


def fail(message: str, status: int = 1) -> None:
    """Print one error line and exit. Markup is off, because the message may quote a file name from a stranger."""
    stderr.print(Text.assemble(("error:", "bold red"), " ", printable(message)))
    sys.exit(status)


def printable(text: str) -> str:
    """`text` with control, bidirectional and other unprintable characters replaced, safe for a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def progress() -> Progress:
    """A progress bar on stderr; `with progress() as bar: bar.track(items, description=...)`."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=stderr,
    )
