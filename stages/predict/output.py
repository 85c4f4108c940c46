"""The answers on stdout: a table for people, JSON lines or CSV for programs, each line as soon as it is known.

Payloads and file names were written by strangers, half of them attackers: no payload is an address
here, nothing controls a terminal, no cell of a CSV file is a formula.
"""

import csv
import json
import os
import re
from collections.abc import Callable
from io import StringIO

from rich.table import Table
from rich.text import Text

from stages.common.cli import stdout
from stages.payload.safe import clean, defang, inert
from stages.predict.verdicts import COLUMNS, NOT_JUDGED, Row

MAX_SHOWN_PAYLOAD = 100  # characters of a payload in the table
WIDE = 100  # columns of a terminal from which on the host, which the payload has as well, gets a column of its own
LIVE = ("payload", "host", "registrable_domain")  # raw, so that programs can use them; escaped, so that nobody clicks


def printer(form: str, deployable: bool) -> Callable[[list[Row]], None]:
    """What prints rows of COLUMNS as `form`, one of table, json and csv; a heading is printed at once.

    Benign is green only where the report is for deploying the model (`deployable`).
    """
    if form == "json":
        return lambda rows: _print("".join(f"{_json(row)}\n" for row in rows))
    if form == "csv":
        _print(",".join(COLUMNS) + "\n")
        return lambda rows: _print(_csv(rows))
    if not stdout.is_terminal:
        return lambda rows: _print("".join(f"{_line(row)}\n" for row in rows))
    stdout.print(_table([], deployable, heading=True))
    return lambda rows: stdout.print(_table(rows, deployable)) if rows else None


def _print(text: str) -> None:
    # Not through rich, which wraps; but when the reader has gone, as `head` does, rich knows how to end quietly.
    try:
        print(text, end="", file=stdout.file, flush=True)
    except BrokenPipeError:
        stdout.on_broken_pipe()


def _name(path: str) -> str:
    # A name that is not UTF-8 reaches us with surrogates, which other readers of JSON do not take.
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def literal(text: str) -> str:
    r"""`text` as a string of JSON in which all that could make an address or a formula is written as \u003a."""
    escaped = json.dumps(text)[1:-1]
    return '"' + re.sub(r"[:.=@+-]", lambda found: f"\\u{ord(found[0]):04x}", escaped) + '"'


def _json(row: Row) -> str:
    def value(name: str) -> str:
        if name in LIVE and row[name]:
            return literal(row[name])
        return json.dumps(_name(row[name]) if name == "file" else row[name])

    return "{" + ", ".join(f'"{name}": {value(name)}' for name in COLUMNS) + "}"  # ASCII only


def _csv(rows: list[Row]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    for row in rows:
        cells = row | {name: literal(row[name])[1:-1] for name in LIVE if row[name]} | {"file": _name(row["file"])}
        cells["corners"] = row["corners"] and json.dumps(row["corners"])
        writer.writerow({name: inert(value) if isinstance(value, str) else value for name, value in cells.items()})
    return text.getvalue()


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    """Verdict, probability, file with part, kind with host, payload or what is wrong, all harmless."""
    place = clean(_name(row["file"])) + (f", {clean(row['part'])}" if row["part"] else "")
    payload = clean(row["payload_defanged"] or "")
    shown = payload[:MAX_SHOWN_PAYLOAD] + "\N{HORIZONTAL ELLIPSIS}" if len(payload) > MAX_SHOWN_PAYLOAD else payload
    return (
        row["verdict"],
        "" if row["probability"] is None else f"{row['probability']:.4f}",
        place,
        clean(defang(row["host"] or "") or row["kind"] or ""),
        " | ".join(filter(None, (clean(row["detail"]), shown))),
    )


def _line(row: Row) -> str:
    verdict, probability, *others = _cells(row)
    return "\t".join([f"{verdict:10}", f"{probability:6}", *others])


def _table(rows: list[Row], deployable: bool, heading: bool = False) -> Table:
    """Of fixed widths on the same terminal, so that tables printed one after the other stand as one."""
    styles = {"malicious": "bold red", "benign": "green" if deployable else "", NOT_JUDGED: "yellow"}
    table = Table(box=None, expand=True, show_header=heading, padding=(0, 2, 0, 0))
    table.add_column("verdict", width=10)
    table.add_column("probability", width=11, justify="right")
    table.add_column("file", ratio=3, overflow="fold")
    if stdout.width >= WIDE:
        table.add_column("host", ratio=2, overflow="fold")
    table.add_column("payload, or why not", ratio=4, overflow="fold")
    for row in rows:
        verdict, probability, place, host, payload = _cells(row)
        others = [probability, place, host, payload] if stdout.width >= WIDE else [probability, place, payload]
        table.add_row(Text(verdict, styles[verdict]), *map(Text, others))
    return table
