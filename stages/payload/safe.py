"""Payloads and file names come from strangers: shown, but never as a link, a control character or a formula."""

import re

from stages.common.cli import printable

LIVE = re.compile(r"http(?=s?://)", re.IGNORECASE)
# The start of a cell in a spreadsheet; also after a semicolon, which separates cells in half of Europe.
FORMULA = re.compile(r"""(^|;)(?=[\t\r\n]|[\s"]*[=+\-@＝＋－＠])""")  # noqa: RUF001 (these start formulas, too)


def clean(text: str) -> str:
    """`text` on one line, without control and bidirectional characters, and with no URL left as a link."""
    if not text.isprintable():
        text = printable(text).replace("\n", "\N{REPLACEMENT CHARACTER}")
    return LIVE.sub("hxxp", text)


def inert(text: str) -> str:
    """`text` for a cell of a CSV file: as from `clean`, and with an apostrophe before the start of a formula."""
    return clean(FORMULA.sub(r"\1'", text))


def defang(text: str) -> str:
    """`text` made unclickable: every ``http://`` becomes ``hxxp://``, and every dot ``[.]``."""
    return re.sub(r"(?i)\b(h)tt(ps?:)|\b(f)t(p:)", _fanged, text).replace(".", "[.]")


def _fanged(scheme: re.Match[str]) -> str:
    return f"{scheme[1]}xx{scheme[2]}" if scheme[1] else f"{scheme[3]}x{scheme[4]}"
