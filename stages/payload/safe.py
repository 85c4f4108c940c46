"""Payloads and file names are strangers' words: shown, but never live, never in control, never a formula."""

import re

from stages.common.cli import printable

LIVE = re.compile(r"http(?=s?://)", re.IGNORECASE)
# Where a spreadsheet begins a cell; after a semicolon too, which separates cells in half of Europe.
FORMULA = re.compile(r"""(^|;)(?=[\t\r\n]|[\s"]*[=+\-@＝＋－＠])""")  # noqa: RUF001 (they start formulas too)


def clean(text: str) -> str:
    """`text` on one line, without control and bidirectional characters, and no address in it a link."""
    if not text.isprintable():
        text = printable(text).replace("\n", "\N{REPLACEMENT CHARACTER}")
    return LIVE.sub("hxxp", text)


def inert(text: str) -> str:
    """`text` for a cell of a CSV file: clean, and with an apostrophe before what would start a formula."""
    return clean(FORMULA.sub(r"\1'", text))


def defang(text: str) -> str:
    """`text` made unclickable: every ``http://`` becomes ``hxxp://``, and every dot ``[.]``."""
    return re.sub(r"(?i)\b(h)tt(ps?:)|\b(f)t(p:)", _fanged, text).replace(".", "[.]")


def _fanged(scheme: re.Match[str]) -> str:
    return f"{scheme[1]}xx{scheme[2]}" if scheme[1] else f"{scheme[3]}x{scheme[4]}"
