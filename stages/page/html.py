"""What strangers wrote and drew, made safe for a page: cleaned and escaped texts, small pictures."""

from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from PIL import Image

from stages.common.settings import Params
from stages.dataset.storage import Stored, read_bytes
from stages.payload.safe import clean
from stages.qr.image import UnusableImageError, decode

THUMBNAIL_SIDE = 96  # pixels of a thumbnail's longer side


def template(path: Path) -> Template:
    """The Jinja template at `path`, in which every text that it prints passes `clean`, and in .html.jinja is escaped.

    It can include and import what lies beside it and beside this module.
    """

    def finalize(value: Any) -> Any:
        return clean(str(value)) if isinstance(value, str | Path) and not isinstance(value, Markup) else value

    environment = Environment(
        loader=FileSystemLoader([path.parent, Path(__file__).parent]),
        autoescape=path.name.endswith(".html.jinja"),
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(path.name)


def data_uri(kind: str, content: bytes) -> Markup:
    """`content` of the media type `kind` as a data URI of our own, which `clean` leaves alone."""
    return Markup(f"data:{kind};base64,{b64encode(content).decode()}")  # noqa: S704 - of no stranger's characters


def thumbnail(stored: Stored, params: Params) -> tuple[str, str]:
    """(data URI, "") or ("", why there is no picture). The sides keep their ratio, so nothing grows.

    Decoded within the bounds of params.scan; whatever fails is an answer and raises nothing.
    """
    try:
        data = read_bytes(params.data.images, stored, params.scan.max_bytes)
        image = Image.fromarray(decode(data, params.scan.max_pixels).pixels)
        image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
        stream = BytesIO()
        image.save(stream, "WEBP", quality=80)
        return data_uri("image/webp", stream.getvalue()), ""
    except UnusableImageError as error:
        return "", str(error)
    except Exception as error:  # whatever it is, it costs this picture and not the page
        return "", getattr(error, "strerror", None) or type(error).__name__
