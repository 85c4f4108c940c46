"""The answers on stdout: a table for people, JSON lines or CSV for programs, each line as soon as it is known.

Payloads and file names were written by strangers, half of them attackers: no payload is an address
here, nothing controls a terminal, no cell of a CSV file is a formula.
"""

import csv
import json
import os
from collections.abc import Callable
from io import StringIO
from typing import Any

from rich.table import Table
from rich.text import Text

from stages.common.cli import stdout
from stages.payload.safe import clean, defang, inert

Row = dict[str, Any]
ANSWER_COLUMNS = ("path", "code", "verdict", "probability", "threshold", "payload", "problem")
MAX_SHOWN_PAYLOAD = 100  # characters of a payload in the table
STYLES = {"malicious": "bold red", "benign": "green"}


def printer(form: str) -> Callable[[list[Row]], None]:
    """What prints rows with the keys COLUMNS as `form`, one of table, json and csv; a heading is printed at once.

    `path` and `payload` come as they are, and leave here defanged and printable. Unknown is None,
    in CSV an empty cell.
    """
    if form == "json":
        return lambda rows: _print("".join(json.dumps(_harmless(row)) + "\n" for row in rows))  # ASCII only
    if form == "csv":
        _print(",".join(ANSWER_COLUMNS) + "\n")
        return lambda rows: _print(_csv(rows))
    stdout.print(_table([], heading=True))
    return lambda rows: stdout.print(_table(rows)) if rows else None


def _print(text: str) -> None:
    # Not through rich, which wraps; but when the reader has gone, as `head` does, rich knows how to end quietly.
    try:
        print(text, end="", file=stdout.file, flush=True)
    except BrokenPipeError:
        stdout.on_broken_pipe()


def _harmless(row: Row) -> Row:
    # A name that is not UTF-8 reaches us with surrogates, which other readers of JSON do not take.
    path = os.fsencode(row["path"]).decode("utf-8", "backslashreplace")
    return row | {"path": path, "payload": row["payload"] and defang(row["payload"])}


def _csv(rows: list[Row]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, ANSWER_COLUMNS, lineterminator="\n")
    for row in map(_harmless, rows):
        writer.writerow({name: inert(value) if isinstance(value, str) else value for name, value in row.items()})
    return text.getvalue()


def _table(rows: list[Row], heading: bool = False) -> Table:
    """Of fixed widths on the same terminal, so that tables printed one after the other stand as one."""
    table = Table(box=None, expand=True, show_header=heading, padding=(0, 2, 0, 0))
    table.add_column("verdict", width=16, overflow="fold")
    table.add_column("probability", width=11, justify="right")
    table.add_column("file", ratio=1, overflow="fold")
    table.add_column("payload, or what is wrong", ratio=1, overflow="fold")
    for row in map(_harmless, rows):
        payload = clean(row["payload"] or "")
        shown = payload[:MAX_SHOWN_PAYLOAD] + "\N{HORIZONTAL ELLIPSIS}" if len(payload) > MAX_SHOWN_PAYLOAD else payload
        table.add_row(
            Text(row["verdict"], STYLES.get(row["verdict"], "yellow")),
            Text("" if row["probability"] is None else f"{row['probability']:.4f}"),
            Text(clean(row["path"])),
            Text(shown or clean(row["problem"])),
        )
    return table
