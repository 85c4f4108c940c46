"""Payloads and file names come from strangers: shown, but never as a link, a control character or a formula."""

import re

from stages.common.cli import printable

# What a browser, mail program or terminal makes a link of, or a telephone acts upon: http anywhere, any scheme
# before //, and these schemes before anything. A word before a colon and a space is none.
ACTED_UPON = (
    "about|alipays?|bitcoin|blob|callto|data|ethereum|facetime|file|ftps?|geo|intent|itms[a-z-]*|javascript|lightning|"
    "mailto|market|matmsg|mebkm|mms|mmsto|ms-[a-z-]+|otpauth(?:-migration)?|search-ms|sftp|sip|sms|smsto|smb|ssh|tel|"
    "telnet|tg|upi|urlto|vbscript|view-source|weixin|whatsapp|wifi|ws|wss|wxp"
)
LIVE = re.compile(
    rf"(h)tt(ps?)(?=:\S)|(?<![a-z0-9])(?!hxxps?:|fxps?:)(?:(f)t(ps?)(?=:\S)|((?:{ACTED_UPON})(?=:\S)"
    r"|[a-z][a-z0-9+.-]*(?=:[/\\]{2})):)",
    re.IGNORECASE,
)
# The start of a cell in a spreadsheet; also after a semicolon, which separates cells in half of Europe.
FORMULA = re.compile(r"""(^|;)(?=[\t\r\n]|[\s"]*[=+\-@＝＋－＠])""")  # noqa: RUF001 (these start formulas, too)


def clean(text: str) -> str:
    """`text` on one line, without control and bidirectional characters, and with nothing left that is a link.

    ``https:`` becomes ``hxxps:``, ``ftp:`` ``fxp:``, and any other scheme ``javascript[:]``.
    """
    if not text.isprintable():
        text = printable(text).replace("\n", "\N{REPLACEMENT CHARACTER}")
    return LIVE.sub(_harmless, text) if ":" in text else text


def inert(text: str) -> str:
    """`text` for a cell of a CSV file: as from `clean`, and with an apostrophe before the start of a formula."""
    return clean(FORMULA.sub(r"\1'", text))


def defang(text: str) -> str:
    """`text` made unclickable: as from `clean`, and every dot ``[.]``."""
    return clean(text).replace(".", "[.]")


def _harmless(scheme: re.Match[str]) -> str:
    if scheme[1]:
        return f"{scheme[1]}xx{scheme[2]}"
    return f"{scheme[3]}x{scheme[4]}" if scheme[3] else f"{scheme[5]}[:]"
