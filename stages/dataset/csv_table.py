"""Tables as people have them: the one reader of data.urls and labels.csv.

The delimiter is found, and the columns by the names that people give them; whatever is found, an error says it.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from stages.common.cli import StageError
from stages.common.settings import Data, folded
from stages.payload.safe import clean

DELIMITERS = ",;\t|"
# What a column may be called, case aside; where several are there, the first of these counts.
NAMES = {
    "file": ("file", "filename", "file_name", "image", "path"),
    "url": ("url", "urls", "link", "payload"),
    "label": ("label", "labels", "type", "class", "status"),
    "source": ("source",),
}


def read_csv(path: Path, required: Sequence[str], optional: Sequence[str], data: Data) -> dict[str, list[str]]:
    """The columns `required` and `optional` (keys of NAMES) of a table: cells without spaces around, n each.

    An optional column that is not there is left out, and so are rows of empty cells. `data.url_column`
    and `data.label_column` are the names of these two where they are not null.
    Raises StageError, with the row counted from 1 below the header, where a row has more fields than
    the header or no `required` cell but the label, where a column is missing or there twice, and
    where the file is a folder, empty, or no table in UTF-8 (UTF-16 with its byte order mark is read, too).
    Raises FileNotFoundError where there is nothing.
    """
    text = _text(path)
    if not text.strip():
        raise StageError(f"{path} is empty; its first line must name the columns {' and '.join(required)}")
    settings = {"url": data.url_column, "label": data.label_column}
    wanted: dict[str, tuple[str, ...]] = {
        role: (name,) if (name := settings.get(role)) else NAMES[role] for role in (*required, *optional)
    }
    delimiter, header = _header(path, text, [wanted[role] for role in required])
    places = {role: _place(path, header, names) for role, names in wanted.items()}
    for role in required:
        if places[role] is None:
            hint = f", or set data.{role}_column" if role in settings else ""
            missing = settings.get(role) or role
            raise StageError(f"{path} has no column {missing}; it has {_shown(header)}: rename one{hint}")
    if absent := [role for role in optional if settings.get(role) and places[role] is None]:
        name = settings[absent[0]]
        raise StageError(f"{path} has no column {name}, as data.{absent[0]}_column says; it has {_shown(header)}")
    found: dict[str, list[str]] = {role: [] for role, place in places.items() if place is not None}
    for number, row in enumerate(_rows(path, text, delimiter), 1):
        if len(row) > len(header):
            advice = "a cell with a comma in it must stand in quotes" if delimiter == "," else "quote the cells"
            raise StageError(
                f"{path}: row {number} has {len(row)} fields, header names {len(header)} ({_shown(header)}): {advice}"
            )
        for role, cells in found.items():
            place = places[role] or 0
            cell = row[place].strip() if place < len(row) else ""
            if not cell and role in required and role != "label":
                raise StageError(f"{path}: row {number} has no {role}; fill it in or delete the row")
            cells.append(cell)
    return found


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        raise StageError(f"{path} is a folder; a CSV table of that name is expected") from None
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as a spreadsheet's "Unicode text" is
    try:
        return data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise StageError(f"{path} is not a table in UTF-8: line {line} is not; save it as CSV in UTF-8") from None


def _header(path: Path, text: str, required: Sequence[Sequence[str]]) -> tuple[str, list[str]]:
    """The delimiter and the names of the columns: with the delimiter that shows most of what is required."""
    # Not strict: with another delimiter than its own, a name in quotes seems to go on behind them.
    headers = {delimiter: next(_lines(path, text, delimiter, strict=False), []) for delimiter in DELIMITERS}

    def fitness(delimiter: str) -> tuple[int, int]:
        names = {folded(name) for name in headers[delimiter]}
        return sum(any(folded(name) in names for name in some) for some in required), len(headers[delimiter])

    best = max(DELIMITERS, key=fitness)
    return best, next(_lines(path, text, best), [])


def _rows(path: Path, text: str, delimiter: str) -> list[list[str]]:
    """What stands below the header; rows of empty cells, as spreadsheets leave them, are none."""
    rows = _lines(path, text, delimiter)
    next(rows)
    return [row for row in rows if any(cell.strip() for cell in row)]


def _lines(path: Path, text: str, delimiter: str, strict: bool = True) -> Iterator[list[str]]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    try:
        for row in lines:
            if row:
                yield row
    except csv.Error as error:
        raise StageError(f"{path} is not a CSV table: line {lines.line_num}: {error}") from None


def _place(path: Path, header: Sequence[str], names: Sequence[str]) -> int | None:
    columns = [folded(name) for name in header]
    for name in names:
        if columns.count(folded(name)) > 1:
            raise StageError(f"{path} has the column {clean(name)} twice ({_shown(header)}): delete or rename one")
        if folded(name) in columns:
            return columns.index(folded(name))
    return None


def _shown(header: Sequence[str]) -> str:
    names = ", ".join(clean(name.strip()) or "(empty)" for name in header)
    return names if len(names) <= 200 else f"{names[:199]}\N{HORIZONTAL ELLIPSIS}"
