"""What the gate shows of the data: a page for people and a table of every finding for spreadsheets.

Payloads, labels and file names were written by strangers, half of them by attackers. So everything
that the template prints passes `clean` and Jinja's escaping, payloads are defanged besides, and the
page neither loads nor runs anything. Only what a browser shows as a picture is linked.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import pandas as pd

from stages.common.files import replacing
from stages.common.settings import CLASSES, Params
from stages.dataset.storage import stored_in
from stages.gate.check import Audit, Result, offenders
from stages.page.html import template, thumbnail
from stages.page.revision import revision
from stages.payload.safe import defang, inert

TEMPLATE = Path(__file__).with_name("data.html.jinja")
SAMPLES = 6  # pictures shown of each class
PICTURES = 36  # shown of each check's offending files
LISTED = 200  # files in quarantine that are listed
DETAILS = 30  # rows shown of a check's table
AT_ONCE = 50_000  # findings in memory as text
FINDING_COLUMNS = ["check", "level", "path", "label", "error", "payload"]
LINKED = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}  # a browser would run an .html or .svg
ADDRESS = re.compile(r"://|\.[^\W\d]|\d\.\d+\.\d")  # of a URL, a host or an IP address, but no decimal fraction


def write_html(path: Path, audit: Audit, params: Params) -> None:
    """Write the page, one self-contained file, the same bytes for the same data.

    Of each check that does not hold it shows up to PICTURES offending files, decoded within
    params.scan's bounds and only where scan could load them; one that fails here costs its own
    picture. How a check's `details` and `chart` are shown stands at `_grid` and `_histogram`.
    Raises OSError where `path` cannot be written.
    """
    images, table = params.data.images, audit.table
    picture = cache(lambda stored: thumbnail(stored, params))  # a file may offend several checks

    def shown(rows: pd.DataFrame) -> Iterator[dict[str, str]]:
        for stored, texts in zip(stored_in(rows), _texts(rows).to_dict("records"), strict=True):
            source, problem = picture(stored) if texts["width"] else ("", texts["error"] or "not loaded")
            link = _link(images, texts["path"], path.parent)
            yield texts | {"picture": source, "no_picture": problem, "link": link}

    readable = table[table["decoded"]]
    samples = {name: list(shown(_spread(readable[readable["label"] == name], SAMPLES))) for name in CLASSES}
    sections: dict[str, list[dict[str, Any]]] = {}
    for result in audit.results:
        sections.setdefault(result.check.section, []).append(_view(result, table, shown))
    settings = params.validate_.model_dump(exclude={"levels"})
    loaded = table[table["width"].notna()]
    page = template(TEMPLATE).render(
        audit=audit,
        sections=sections,
        quarantined=list(shown(audit.quarantined.head(LISTED))),
        samples=samples,
        size=int(table["bytes"].sum()),
        commit=revision(),
        verdicts=Counter(result.verdict for result in audit.results),
        settings=settings,
        off=[name for name, level in params.validate_.levels.items() if level == "off"],
        images=images,
        loaded=len(loaded),
        decoded=int(loaded["decoded"].sum()),
        labels=table["label"].fillna("").astype(str).value_counts().to_dict(),
        formats=loaded["format"].astype(str).value_counts().to_dict(),
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")


def write_csv(path: Path, audit: Audit) -> None:
    """Write COLUMNS, one row for each offending file of each check that does not hold, and for each in quarantine.

    A finding about the dataset as a whole has one row, with an empty path and its figures as the
    error. No cell is a formula to a spreadsheet, no payload an address. Raises OSError where
    `path` cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        pd.DataFrame(columns=FINDING_COLUMNS).to_csv(file, index=False, lineterminator="\n")
        for rows in _findings(audit):
            cells = _texts(rows)[FINDING_COLUMNS]
            cells = cells.apply(lambda column: column.map({text: inert(text) for text in column.unique()}))
            cells.to_csv(file, header=False, index=False, lineterminator="\n")


def _findings(audit: Audit) -> Iterator[pd.DataFrame]:
    """The rows of the CSV file as they were scanned, with check and level; a part at a time, as all may offend."""
    for start in range(0, len(audit.quarantined), AT_ONCE):
        yield audit.quarantined.iloc[start : start + AT_ONCE].assign(level="quarantine")
    for result in audit.results:
        if result.verdict != "pass":
            rows = offenders(result, audit.table)
            rows = rows if len(rows) else pd.DataFrame({"error": [result.found.text]})
            for start in range(0, len(rows), AT_ONCE):
                level = "not judged" if result.verdict == "not judged" else result.level
                yield rows.iloc[start : start + AT_ONCE].assign(check=result.check.name, level=level)


def _view(result: Result, table: pd.DataFrame, shown: Callable[[pd.DataFrame], Iterable[dict]]) -> dict[str, Any]:
    found, rows = result.found, offenders(result, table)
    return {
        "check": result.check,
        "level": result.level,
        "verdict": result.verdict,
        "text": found.text,
        "paste": found.paste,
        "files": list(shown(rows.head(PICTURES))),
        "more": max(len(rows) - PICTURES, 0),
        "details": None if found.details is None or found.details.empty else _grid(found.details),
        "chart": None if found.chart is None or found.chart.empty else _histogram(found.chart),
    }


def _texts(rows: pd.DataFrame) -> pd.DataFrame:
    """What is shown of `rows`, all of it str, payloads defanged; "" where a value or the whole column is missing."""
    texts = rows.reindex(columns=[*FINDING_COLUMNS, "label_problem", "width"]).astype(object)
    texts = texts.where(texts.notna(), "").astype(str)
    error = texts["error"].where(texts["error"] != "", texts["label_problem"].str.replace("_", " "))
    return texts.assign(error=error, payload=texts["payload"].map(defang))


def _spread(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` of `rows`, at even distances."""
    return rows.iloc[:: max(len(rows) // count, 1)].head(count)


def _link(images: Path, name: str, page_folder: Path) -> str:
    """From the page to a picture below `images`, percent-encoded; "" for anything else."""
    inside = PurePosixPath(name)
    if inside.suffix.lower() not in LINKED or inside.is_absolute() or ".." in inside.parts:
        return ""
    try:
        there = (images / inside).is_file()
        return quote(Path(os.path.relpath(images / inside, page_folder)).as_posix()) if there else ""
    except (OSError, ValueError):  # a labels file can list any name; or another drive (Windows)
        return ""


def _grid(details: pd.DataFrame) -> dict[str, Any]:
    """Cells as (text, is a number), without the index; addresses in texts are defanged."""

    def cell(value: Any) -> tuple[str, bool]:
        if not isinstance(value, str):
            return ("" if pd.isna(value) else f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"), True
        return (defang(value) if ADDRESS.search(value) and "[.]" not in value else value), False

    rows = [[cell(value) for value in row] for row in details.head(DETAILS).astype(object).to_numpy().tolist()]
    return {"columns": [str(name) for name in details.columns], "rows": rows, "more": len(details) - len(rows)}


def _histogram(chart: pd.DataFrame) -> dict[str, Any]:
    """Bars in per cent of the highest, of the first three columns.

    The index names the bins: "from - to", or a name. Its own name is that of the x axis, with the unit.
    """
    chart = chart.iloc[:, :3].fillna(0)
    top = int(chart.to_numpy().max()) or 1
    names = [str(name) for name in chart.index]
    ticks = [name.partition(" - ")[0] for name in names]
    end = names[-1].partition(" - ")[2]
    every = -(-len(names) * (max(map(len, ticks)) + 1) // 40)  # about 40 characters fit below it on a phone
    last = len(names) - every if end else len(names)
    return {
        "classes": [str(name) for name in chart.columns],
        "axis": chart.index.name or "",
        "alt": _in_words(chart),
        "top": top,
        "end": end,
        "bins": [
            {
                "name": name,
                "tick": tick if place % every == 0 and place <= last else "",
                "bars": [(int(count), round(100 * count / top, 2)) for count in chart.iloc[place]],
            }
            for place, (name, tick) in enumerate(zip(names, ticks, strict=True))
        ],
    }


def _in_words(chart: pd.DataFrame) -> str:
    """What a histogram shows, for those who do not see it: where most of each class are."""
    peaks = [
        f"{name}: {int(counts.sum()):,} images, most of them ({int(counts.max()):,}) at {counts.idxmax()}"
        if counts.sum()
        else f"{name}: none"
        for name, counts in chart.items()
    ]
    return f"Histogram of {chart.index.name or 'the values'}. {'; '.join(peaks)}."
