r"""Is it malicious? An answer for every QR code in your files: pictures, PDF files, mails, HTML pages.

    qr-gate-predict photo.jpg folder/ mail.eml          # or: python -P -m stages.predict ...
    find . -name '*.png' | qr-gate-predict --json -     # a list of files on stdin; it need never end
    qr-gate-predict --stdin mail.eml < mail             # the bytes of one file on stdin

Nothing is fetched, resolved or run, and params.yaml is not needed. Each answer names file, part and code:

    malicious, benign    by the network, which has only ever seen URLs
    not judged           and why: no code, unreadable, not a URL (Wi-Fi, payment, contact, text, another scheme),
                         a symbol version the network has not seen, a file that cannot be opened or is too large

Read are PNG, JPEG, WebP, BMP, GIF and TIFF (every frame), PDF (every page as it is shown, the images on it, attached
files; needs the extra `pdf`), mails (.eml, .mht: attached and inline, nested), HTML (data: addresses). SVG, .msg,
pictures elsewhere, Office documents and archives are not judged. HTML is not rendered: a code that a page draws with
table cells or a script goes unnoticed. Files in a folder that hold no pictures are skipped and counted.

--json is an interface: one object a line, with the keys (null or "" where unknown)

    schema                        1; another number when a key changes its meaning or goes
    file, part, code              name; "page 3, image 1", "" for the file itself; number of the code in its picture
    verdict, reason, detail       malicious, benign or not judged; a short code and a sentence on why not judged
    probability, threshold        of being malicious, four digits; malicious from the threshold on
    kind, scheme, host, registrable_domain      of the payload
    payload, payload_defanged     as it was read, with : . = @ + - as \u003a, so that nothing is live; hxxps://a[.]b
    decoder, symbol_version, corners            top left, top right, bottom right, bottom left in pixels
    file_sha256, picture_sha256, model_sha256   picture: of the image file, or of the pixels of a page or frame

--csv has the same columns; its payload, host and registrable_domain are JSON strings without their quotes.

The network outside Python: models/model.onnx runs in ONNX Runtime from C#, JavaScript and others.
1. Input `pixels`, uint8 (n, 3, 224, 224), RGB, channel first. No mean or deviation: they are inside the graph.
2. Scale the picture (by area) so that its longer side is 224, centre it, pad with white (255).
3. A code that is tilted, or takes less than half of the picture, is rectified first, with 4 modules of margin.
4. Output `probability`, float32 (n,), of being malicious: temperature and softmax are inside the graph.
5. Malicious from `threshold` on, which is in the JSON of the model's metadata entry `about`.
With `model.architecture: symbol` steps 1 to 3 are: input `modules`, int8 (n, 8, 276), see stages/network/modules.py.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any

# Every worker process imports this file too; what it does not need is imported where it is used.
from stages.common.artefacts import MODEL, ONNX
from stages.common.cli import Help, fail, printable, progress, run, stderr, stdout
from stages.predict.sources.item import Limits

STATUS = """exit status:
  0    every code was judged, and benign
  3    at least one code is malicious, whatever else happened
  1    a path is not there, or another error
  4    something could not be judged; with --allow-unjudged that is 0
  2    the command line is wrong
  130  interrupted with Ctrl-C; the lines printed so far are whole
"""


def main(arguments: list[str] | None = None) -> None:
    """Answer for the files on the command line; the exit status is described in STATUS."""
    options = _options(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not every terminal can show every payload
    try:
        status = _answer(options)
    except KeyboardInterrupt:
        fail("interrupted; the lines printed so far are whole", 130)
    sys.exit(status)


def program() -> None:
    """The command `qr-gate-predict`."""
    run(main)


def _answer(options: argparse.Namespace) -> int:
    from stages.predict.model import BATCH, open_model
    from stages.predict.output import printer
    from stages.predict.pool import batches, reader
    from stages.predict.standing import standing
    from stages.predict.verdicts import verdicts
    from stages.qr.zbar import require_zbar

    require_zbar()
    limits = Limits(options.max_bytes, options.max_pixels, options.timeout, options.max_parts)
    with reader(limits, _workers(options)) as read:  # the workers start while the model is loaded
        scorer = open_model(options.model, options.device)
        files = batches(read.codes(_sources(options), scorer.takes.see), BATCH)
        threshold = scorer.threshold if options.threshold is None else options.threshold
        stands = standing(scorer.path, scorer.about)
        stderr.print(printable(stands.sentence), markup=False)
        tally = _Tally()
        show = printer(options.form, stands.deploy == "yes")
        bar = progress()
        # On a terminal that shows the lines, they are the progress, and a bar would stand in their way.
        bar.disable = stdout.is_terminal or not stderr.is_terminal
        with bar:
            task = bar.add_task("predict", total=None)
            for rows in verdicts(tally.of(files), scorer, threshold, stands.versions):
                show(rows)
                tally.add(rows)
                bar.update(task, completed=tally.files)
    for line in tally.lines():
        stderr.print(line, markup=False)
    return tally.status(options.allow_unjudged)


def _workers(options: argparse.Namespace) -> int | None:
    """One for a single file; else one a core (None)."""
    from stages.dataset.shards import is_shard

    names = options.paths or [options.stdin]
    several = len(names) > 1 or names == ["-"] or is_shard(names[0]) or os.path.isdir(names[0])  # noqa: PTH112
    return None if several else 1


def _sources(options: argparse.Namespace) -> Iterator[Any]:
    from stages.dataset.storage import Stored
    from stages.predict.paths import Source, sources

    if options.stdin is not None:
        content = sys.stdin.buffer.read(options.max_bytes + 1)
        return iter([Source(options.stdin, Stored(options.stdin), content=content)])
    return sources(options.paths)


class _Tally:
    """What there was, for the exit status and the last lines on stderr."""

    def __init__(self) -> None:
        self.files = self.skipped = 0
        self.verdicts: dict[str, int] = {}
        self.missing = False

    def of(self, found: Iterator[list[Any]]) -> Iterator[list[Any]]:
        """`found`, counted."""
        for files in found:
            self.files += len(files)
            self.skipped += sum(code.skipped for codes in files for code in codes)
            yield files

    def add(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            self.verdicts[row["verdict"]] = self.verdicts.get(row["verdict"], 0) + 1
            if row["reason"] == "missing":
                self.missing = True
                stderr.print(printable(f"error: {row['file']}: {row['detail']}"), markup=False)

    def lines(self) -> Iterator[str]:
        if self.skipped:
            yield f"{self.skipped:,} files in folders hold no pictures and were skipped"
        if not self.verdicts:
            yield "nothing to judge"

    def status(self, allow_unjudged: bool) -> int:
        if self.verdicts.get("malicious"):
            return 3
        if self.missing:
            return 1
        judged = self.verdicts.keys() == {"benign"}
        return 0 if judged or allow_unjudged else 4


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="qr-gate-predict",
        description=__doc__,
        epilog=STATUS,
        formatter_class=Help,
    )
    add = parser.add_argument
    add("paths", nargs="*", metavar="FILE", help="a file; a folder, for all in it; - for a list on stdin, one a line")
    add("--stdin", metavar="NAME", help="judge the bytes on stdin, as a file that is called NAME")
    add("--model", type=Path, help=f"an .onnx or .safetensors file; default: {ONNX}, or without it {MODEL}")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", dest="form", action="store_const", const="json", help="one object a line, see above")
    forms.add_argument("--csv", dest="form", action="store_const", const="csv", help="a heading, then one row a line")
    add("--allow-unjudged", action="store_true", help="exit with 0 where nothing is malicious, judged or not")
    add("--threshold", type=_number(float, 0, 1), metavar="P", help="malicious from here on; default: the model's own")
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="default: %(default)s")
    most = _number(int, 1)
    add("--max-bytes", type=most, default=Limits.max_bytes, metavar="N", help="of a file; default: %(default)s")
    add("--max-pixels", type=most, default=Limits.max_pixels, metavar="N", help="of a picture; default: %(default)s")
    add("--max-parts", type=most, default=Limits.max_parts, metavar="N",
        help="pages, frames, attachments of a file; default: %(default)s")  # fmt: skip
    add("--timeout", type=_number(float, 0.001), default=Limits.timeout, metavar="SECONDS",
        help="for a part of a file; default: %(default)g")  # fmt: skip
    parser.set_defaults(form="table")
    options = parser.parse_args(arguments)
    if bool(options.paths) == (options.stdin is not None):
        parser.error("name files, or --stdin NAME" if options.paths == [] else "--stdin takes no other files")
    return options


def _number(kind: type[int] | type[float], least: float, most: float = 10**12) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not in {least:g}..{most:g}")
        return value

    return number


if __name__ == "__main__":
    program()
