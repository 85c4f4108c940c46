"""Damaged PDF files, mails and pages by the thousand, and what the command makes of them.

python -m tests.predict.fuzz --count 20000 --seed 1 --model models/model.onnx FOLDER    # FOLDER gets files and answers
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from tests.fuzz.mutations import cut, flip_bits, overwrite
from tests.helpers import IMPORTING
from tests.predict.asking import mail, pdf, picture, png

WORDS = (b"base64", b"multipart/mixed", b"message/rfc822", b"boundary", b"image/png", b"text/plain", b"/Page", b"/Kids",
         b"/Filter", b"/Length", b"/Width", b"/Height", b"/Count", b"endobj", b"stream", b"data:", b"<img", b"\n\n",
         b"1", b"2", b"7", b"%PDF-", b"xref", b"trailer", b"<<", b">>", b"--", b"=", b"\xff", b"\0")  # fmt: skip


@cache
def originals() -> list[tuple[str, bytes]]:
    """(extension, content) of a file of every kind that holds pictures."""
    invoice, document = ("image/png", "invoice.png", png()), pdf(picture())
    both = mail(invoice, ("application/pdf", "a.pdf", document), html="<p>see <img src='cid:x'></p>")
    nested = mail(invoice)
    nested.add_attachment(both)
    page = f'<html><body><img src="data:image/png;base64,{b64encode(png()).decode()}"></body></html>'.encode()
    return [
        ("pdf", document), ("pdf", pdf(picture(), picture("https://second.example/"))),
        ("eml", mail(invoice).as_bytes()), ("eml", both.as_bytes()), ("eml", nested.as_bytes()), ("html", page),
    ]  # fmt: skip


def swap_words(data: bytes, rng: random.Random) -> bytes:
    """A word of the format becomes another: a field's name, a number, a delimiter."""
    here = [word for word in WORDS if word in data]
    word, other = rng.choice(here or [b""]), rng.choice(WORDS)
    at = data.find(word, rng.randrange(len(data) + 1))
    return data[:at] + other + data[at + len(word) :] if at >= 0 else data


def repeat(data: bytes, rng: random.Random) -> bytes:
    """A run of the file, again and again."""
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + data[start:end] * rng.choice((2, 3, 20)) + data[end:]


def insert_other(data: bytes, rng: random.Random) -> bytes:
    """Another file in the middle of this one."""
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(originals())[1] + data[at:]


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [
    flip_bits, overwrite, cut, swap_words, swap_words, repeat, insert_other
]  # fmt: skip


def mutants(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """`count` files as (name, content); the n-th depends on `seed` and n alone."""
    for index in range(count):
        rng = random.Random(f"{seed} {index}")
        extension, data = rng.choice(originals())
        for change in rng.choices(MUTATIONS, k=rng.choice((1, 1, 2, 3))):
            data = change(data, rng)
        yield f"{index:06}.{extension}", data


def run(folder: Path, seed: int, count: int, model: Path) -> "subprocess.CompletedProcess[str]":
    """Write the files to `folder`/files, give the command their names on stdin; its answers are in answers.jsonl."""
    files = folder / "files"
    files.mkdir(parents=True, exist_ok=True)
    names = []
    for name, data in mutants(seed, count):
        (files / name).write_bytes(data)
        names.append(f"files/{name}\n")
    command = [sys.executable, "-m", "stages.predict", "--json", "--model", str(model.resolve()), "-"]
    with (folder / "answers.jsonl").open("w") as answers:
        return subprocess.run(
            command, cwd=folder, env=IMPORTING, input="".join(names), stdout=answers,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


def lost(folder: Path, count: int) -> list[str]:
    """Names of the files that have no answer."""
    answered = {Path(row["file"]).stem for row in rows(folder)}
    return sorted({f"{index:06}" for index in range(count)} - answered)


def rows(folder: Path) -> Iterator[dict[str, str]]:
    """The answers."""
    with (folder / "answers.jsonl").open() as answers:
        yield from map(json.loads, answers)


def main() -> None:
    """Run, and print the summary."""
    parser = argparse.ArgumentParser(prog="python -m tests.predict.fuzz")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    started = time.perf_counter()
    ended = run(arguments.folder, arguments.seed, arguments.count, arguments.model)
    seconds = time.perf_counter() - started
    print(ended.stderr[-2000:] + f"exit status {ended.returncode}")
    found = Counter(row["reason"] or row["verdict"] for row in rows(arguments.folder))
    print(f"{sum(found.values()):,} answers on {arguments.count:,} files:", *found.most_common(), sep="\n  ")
    killed = [row for row in rows(arguments.folder) if row["reason"] == "kills_decoder"]
    print(*(f"{row['file']} {row['part']}: {row['detail']}" for row in killed[:20]), sep="\n")
    gone = lost(arguments.folder, arguments.count)
    print(f"{len(gone)} lost", *gone[:20])
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{seconds:.0f} s with writing, {most:,.0f} MiB the most that one process held")


if __name__ == "__main__":
    main()
