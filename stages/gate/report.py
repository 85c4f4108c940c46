"""What the gate shows of the data: a page for people and a table of every finding for spreadsheets.

Payloads, labels and file names were written by strangers, half of them by attackers. So everything
that the template prints passes `clean` and Jinja's escaping, payloads are defanged besides, and the
page neither loads nor runs anything. Only what a browser shows as a picture is linked.
"""

import os
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from stages.common.cli import printable
from stages.common.files import replacing
from stages.common.settings import Params
from stages.gate.check import Audit, Result
from stages.qr.image import UnusableImageError, decode
from stages.qr.url import defang

PICTURES = 36  # shown of each check's offending files
SIDE = 96  # pixels of a thumbnail's longer side
LISTED = 200  # files in quarantine that are listed
DETAILS = 30  # rows shown of a check's table
COLUMNS = ["check", "level", "path", "label", "error", "payload"]
LINKED = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}  # a browser would run an .html or .svg
LIVE = re.compile(r"http(?=s?://)", re.IGNORECASE)
ADDRESS = re.compile(r"://|\.[^\W\d]|\d\.\d+\.\d")  # of a URL, a host or an IP address, but no decimal fraction
# Where a spreadsheet begins a cell; after a semicolon too, which separates cells in half of Europe.
FORMULA = re.compile(r"""(^|;)(?=[\t\r\n]|[\s"]*[=+\-@＝＋－＠])""")  # noqa: RUF001 (they start formulas too)

File = Callable[[Mapping[str, Any]], dict[str, Any]]


def write_html(path: Path, audit: Audit, params: Params) -> None:
    """Write the page, one self-contained file, the same bytes for the same data.

    Of each check that does not hold it shows up to PICTURES offending files, decoded within
    params.scan's bounds and only where scan could load them; one that fails here costs its own
    picture. How a check's `details` and `chart` are shown stands at `_grid` and `_histogram`.
    Raises OSError where `path` cannot be written.
    """
    picture = cache(lambda name: _thumbnail(params.data.images / name, params))  # a file may offend several checks

    def file(row: Mapping[str, Any]) -> dict[str, Any]:
        texts = _finding(row)
        loaded = pd.notna(row.get("width"))
        source, problem = picture(texts["path"]) if loaded else ("", texts["error"] or "the file was not loaded")
        link = _link(params.data.images, texts["path"], path.parent)
        return texts | {"link": link, "picture": source, "no_picture": problem}

    sections: dict[str, list[dict[str, Any]]] = {}
    for result in audit.results:
        sections.setdefault(result.check.section, []).append(_view(result, audit.table, file))
    settings = params.validate_.model_dump()
    levels = settings.pop("levels", {})
    page = _template().render(
        audit=audit,
        facts=_facts(audit.table),
        sections=sections,
        quarantined=[file(row) for row in audit.quarantined.head(LISTED).to_dict("records")],
        settings=settings,
        off=[name for name, level in levels.items() if level == "off"],
        images=params.data.images,
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")


def write_csv(path: Path, audit: Audit) -> None:
    """Write COLUMNS, one row for each offending file of each check that does not hold.

    A finding about the dataset as a whole has one row, with an empty path and its figures as the
    error. No cell is a formula to a spreadsheet, no payload an address. Raises OSError where
    `path` cannot be written.
    """
    findings: list[dict[str, str]] = []
    for result in audit.results:
        if not result.found.holds:
            rows = _offending(result, audit.table).to_dict("records") or [{"error": result.found.text}]
            findings += [_finding(row) | {"check": result.check.name, "level": result.level} for row in rows]
    cells = pd.DataFrame(findings, columns=COLUMNS, dtype="object").map(inert)
    with replacing(path) as temporary:
        cells.to_csv(temporary, index=False, lineterminator="\n")


def clean(text: str) -> str:
    """`text` on one line, without control and bidirectional characters, and no address in it a link."""
    if not text.isprintable():
        text = printable(text).replace("\n", "\N{REPLACEMENT CHARACTER}")
    return LIVE.sub("hxxp", text)


def inert(text: str) -> str:
    """`text` for a cell of a CSV file: clean, and with an apostrophe before what would start a formula."""
    return clean(FORMULA.sub(r"\1'", text))


def _template() -> Any:
    def finalize(value: Any) -> Any:  # all that the template prints comes through here
        return clean(str(value)) if isinstance(value, str | Path) and not isinstance(value, Markup) else value

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"sentence": _sentence, "shortened": _shortened}
    return environment.get_template("report.html.jinja")


def _view(result: Result, table: pd.DataFrame, file: File) -> dict[str, Any]:
    found, rows = result.found, _offending(result, table)
    return {
        "check": result.check,
        "level": result.level,
        "verdict": "pass" if found.holds else "FAIL" if result.failed else "warn",
        "text": found.text,
        "files": [file(row) for row in rows.head(PICTURES).to_dict("records")],
        "more": max(len(rows) - PICTURES, 0),
        "details": None if found.details is None or found.details.empty else _grid(found.details),
        "chart": None if found.chart is None or found.chart.empty else _histogram(found.chart),
    }


def _offending(result: Result, table: pd.DataFrame) -> pd.DataFrame:
    """What a check objects to, same payloads side by side; no row where it holds or judges the whole dataset."""
    rows = result.found.rows
    if rows is None or result.found.holds:
        return table.iloc[:0]
    return table[rows.fillna(False).astype(bool)].sort_values("payload", kind="stable")


def _finding(row: Mapping[str, Any]) -> dict[str, str]:
    def text(column: str) -> str:
        return "" if pd.isna(row.get(column)) else str(row[column])

    texts = {column: text(column) for column in COLUMNS}
    error = texts["error"] or text("label_problem").replace("_", " ")
    return texts | {"error": error, "payload": defang(texts["payload"])}


def _link(images: Path, name: str, page_folder: Path) -> str:
    """From the page to a picture below `images`, percent-encoded; "" for anything else."""
    inside = PurePosixPath(name)
    if inside.suffix.lower() not in LINKED or inside.is_absolute() or ".." in inside.parts:
        return ""
    try:
        return quote(Path(os.path.relpath(images / inside, page_folder)).as_posix())
    except ValueError:  # on another drive (Windows)
        return ""


def _thumbnail(file: Path, params: Params) -> tuple[str, str]:
    """(data URI, "") or ("", why there is no picture). The sides keep their ratio, so nothing grows."""
    try:
        if file.stat().st_size > params.scan.max_bytes:
            return "", "larger than scan.max_bytes"
        image = Image.fromarray(decode(file.read_bytes(), params.scan.max_pixels).pixels)
        image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
        stream = BytesIO()
        image.save(stream, "WEBP", quality=80)
        return "data:image/webp;base64," + b64encode(stream.getvalue()).decode(), ""
    except UnusableImageError as error:
        return "", str(error)
    except Exception as error:  # whatever it is, it costs this picture and not the page
        return "", getattr(error, "strerror", None) or type(error).__name__


def _facts(table: pd.DataFrame) -> dict[str, Any]:
    loaded = table[table["width"].notna()]
    return {
        "files": len(table),
        "loaded": len(loaded),
        "decoded": int(loaded["decoded"].sum()),
        "labels": table["label"].fillna("").astype(str).value_counts().to_dict(),
        "formats": loaded["format"].astype(str).value_counts().to_dict(),
    }


def _grid(details: pd.DataFrame) -> dict[str, Any]:
    """Cells as (text, is a number). An index is shown if it has a name; addresses in texts are defanged."""

    def cell(value: Any) -> tuple[str, bool]:
        if not isinstance(value, str):
            return ("" if pd.isna(value) else f"{value:,}" if isinstance(value, int) else f"{value:.4g}"), True
        return (defang(value) if ADDRESS.search(value) and "[.]" not in value else value), False

    table = details.reset_index() if details.index.name is not None else details
    rows = [[cell(value) for value in row] for row in table.head(DETAILS).astype(object).to_numpy().tolist()]
    return {"columns": [str(name) for name in table.columns], "rows": rows, "more": len(table) - len(rows)}


def _histogram(chart: pd.DataFrame) -> dict[str, Any]:
    """Bars in per cent of the highest, of the first three columns.

    The index names the bins: "from - to", or a name. Its own name is that of the x axis, with the unit.
    """
    chart = chart.iloc[:, :3].fillna(0)
    top = chart.to_numpy().max() or 1
    names = [str(name) for name in chart.index]
    return {
        "classes": [str(name) for name in chart.columns],
        "axis": chart.index.name or "",
        "top": int(top),
        "every": -(-len(chart) // 6),  # bins a tick, so that the labels fit a phone
        "end": names[-1].partition(" - ")[2],
        "bins": [
            {"name": name, "counts": [int(count) for count in row], "bars": [round(100 * c / top, 2) for c in row]}
            for name, row in zip(names, chart.to_numpy().tolist(), strict=True)
        ],
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _shortened(text: str, most: int = 80) -> str:
    return text if len(text) <= most else f"{text[: most - 20]} … {text[-17:]}"
