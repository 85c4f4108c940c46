"""Is it malicious? An answer for every QR code in pictures of your own: files, folders, or a list on stdin.

Nothing is opened but the pictures and the model, no payload and no network; params.yaml is not needed.
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import closing
from io import TextIOWrapper
from os import fsdecode
from pathlib import Path
from typing import TYPE_CHECKING

# Every worker process imports this file too; what it does not need is imported where it is used.
from stages.common.artefacts import MODEL
from stages.common.cli import StageError, fail, printable, progress, run, stderr, stdout
from stages.dataset.storage import Stored, list_images
from stages.predict.codes import Limits, codes

if TYPE_CHECKING:
    from stages.network.trained import Trained

STATUS = """exit status:
  0    no code was called malicious; a picture without a verdict counts as none
  3    at least one code was called malicious, whatever else happened
  1    a path is not there, a file could not be read, or another error
  2    the command line is wrong
  130  interrupted with Ctrl-C; the lines printed so far are whole
"""


def main(arguments: list[str] | None = None) -> None:
    """Answer for the paths on the command line; the exit status is described in STATUS.

    Every code of a picture is one line, in the order of the paths: what the network says of it,
    with the preprocessing of training and evaluation (stages.network.view.view; where there
    are several codes, each is cut out and straightened). A picture without a code that can be read
    is one line with the reason, and has no probability.
    """
    options = _options(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not every terminal can show every payload
    try:
        status = _answer(options)
    except KeyboardInterrupt:
        fail("interrupted; the lines printed so far are whole", 130)
    sys.exit(status)


def _answer(options: argparse.Namespace) -> int:
    from stages.network.allocator import keep_freed_memory
    from stages.predict.output import printer
    from stages.predict.verdicts import UNREADABLE, verdicts
    from stages.qr.zbar import require_zbar

    require_zbar()
    keep_freed_memory()
    trained = _load(options.model, options.device)
    threshold = trained.threshold if options.threshold is None else options.threshold
    paths, missing = list_paths(options.paths)
    for path in missing:
        stderr.print(printable(f"error: {path}: there is no such file or folder"), markup=False)
    if not paths:
        stderr.print("no files to look at")
    malicious, failed = False, bool(missing)
    show = printer(options.form)
    limits = Limits(options.max_bytes, options.max_pixels, options.timeout)
    bar = progress()
    # On a terminal that shows the lines, they are the progress, and a bar would stand in their way.
    bar.disable = stdout.is_terminal or not stderr.is_terminal
    with closing(codes(paths, limits)) as found, bar:
        task = bar.add_task("predict", total=len(paths))
        for rows in verdicts(found, trained, threshold, options.batch_size):
            show(rows)
            bar.advance(task, sum(row["code"] in (1, None) for row in rows))
            malicious |= any(row["verdict"] == "malicious" for row in rows)
            failed |= any(row["verdict"] == UNREADABLE for row in rows)
    return 3 if malicious else int(failed)


def list_paths(names: list[str]) -> tuple[list[Stored], list[str]]:
    """(files, names of which there is nothing); folders and tar files give theirs, sorted, and no dot files.

    The name "-" stands for the lines of stdin.
    """
    files: list[Stored] = []
    missing: list[str] = []
    for name in names:
        lines = [fsdecode(line.rstrip(b"\r\n")) for line in sys.stdin.buffer] if name == "-" else [name]
        for line in filter(None, lines):
            path = Path(line)
            if path.is_dir() or (path.suffix == ".tar" and path.is_file()):
                files += [
                    inside._replace(path=str(path / inside.path), shard=inside.shard and str(path / inside.shard))
                    for inside in list_images(path)
                ]
            elif path.exists() or path.is_symlink():
                files.append(Stored(line))
            else:
                missing.append(line)
    return files, missing


def _load(model: Path, device: str) -> "Trained":
    from stages.network.trained import choose_device, load_trained

    try:
        return load_trained(model, choose_device(device))
    except (RuntimeError, AssertionError) as error:  # what PyTorch raises for a device that is not there
        raise StageError(f"--device {device} cannot be used ({error}); try --device cpu") from None


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.predict",
        description="Tell malicious from benign QR codes by their picture; one line for each code.",
        epilog=STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("paths", nargs="+", metavar="IMAGE", help="a file; a folder, for all in it; - for a list on stdin, one a line")
    add("--model", type=Path, default=MODEL, help="default: %(default)s")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", dest="form", action="store_const", const="json", help="one object a line")
    forms.add_argument("--csv", dest="form", action="store_const", const="csv", help="a heading, then one row a line")
    add("--threshold", type=_number(float, 0, 1), metavar="P", help="malicious from here on; default: the model's own")
    add("--batch-size", type=_number(int, 1), default=32, metavar="N", help="codes at a time; default: %(default)s")
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="default: %(default)s")
    text = "larger {} are not decoded; default: %(default)s {}"
    most = _number(int, 1)
    add("--max-bytes", type=most, default=Limits.max_bytes, metavar="N", help=text.format("files", "bytes"))
    add("--max-pixels", type=most, default=Limits.max_pixels, metavar="N", help=text.format("pictures", "pixels"))
    text = "that a picture may take; default: %(default)g"
    add("--timeout", type=_number(float, 0.001), default=Limits.timeout, metavar="SECONDS", help=text)
    parser.set_defaults(form="table")
    return parser.parse_args(arguments)


def _number(kind: type[int] | type[float], least: float, most: float = 10**12) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not in {least:g}..{most:g}")
        return value

    return number


if __name__ == "__main__":
    run(main)
