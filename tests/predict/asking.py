"""The command as users run it, and files to give it."""

import json
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import segno
from PIL import Image

from stages.dataset.storage import Stored
from stages.network.view import view
from stages.predict import __main__
from stages.predict.codes import Progress, codes_in
from stages.predict.paths import Source
from stages.predict.sources.item import Limits

Rows = list[dict[str, Any]]
URL = "https://login.example/verify?id=7"


def answers(capsys: pytest.CaptureFixture[str], model: Path, *arguments: object) -> tuple[int, Rows]:
    """Exit status and the JSON lines of the command."""
    with pytest.raises(SystemExit) as ended:
        __main__.main(["--model", str(model), "--json", *map(str, arguments)])
    return int(ended.value.code or 0), [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def said(rows: Rows) -> list[tuple[str, str, str]]:
    """File, part, and payload or the reason why there is none, of each row."""
    return [(Path(row["file"]).name, row["part"], row["reason"] or row["payload"]) for row in rows]


def png(payload: str = URL, scale: int = 4) -> bytes:
    """A drawn QR code."""
    stream = BytesIO()
    segno.make_qr(payload, error="M").save(stream, kind="png", scale=scale, border=4)
    return stream.getvalue()


def picture(payload: str = URL) -> Image.Image:
    """The same, decoded."""
    return Image.open(BytesIO(png(payload))).convert("L")


def pdf(*pages: Image.Image) -> bytes:
    """A PDF file with a picture on each page."""
    stream = BytesIO()
    pages[0].save(stream, "PDF", save_all=True, append_images=pages[1:])
    return stream.getvalue()


def mail(*attached: tuple[str, str, bytes], text: str = "see the code", html: str = "") -> EmailMessage:
    """A mail with attachments (media type, name, content)."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@a.example", "b@b.example", "Invoice"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    for kind, name, content in attached:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return message


def found(name: str, content: bytes, limits: Limits | None = None) -> list[tuple[str, str]]:
    """Place, and payload or the reason why there is none, of each code in a file."""
    codes = codes_in(Source(name, Stored(name), content=content), limits or Limits(), Progress(), view)
    return [(code.where, code.reason or code.payload or "") for code in codes]
