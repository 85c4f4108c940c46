"""Pages as a browser takes them, and texts that would do harm there."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "handler": '"><img src=x onerror=alert(1)>',
    "attribute": "' onmouseover='alert(1)",
    "template": "{{ 7 * 191 }}{% raw %}",
    "terminal": "\x1b]8;;https://evil.example\x07\x1b[31mred",
    "formula": '=HYPERLINK("https://evil.example","x")',
    "second cell": "a;=1+1",
    "long": "https://evil.example/" + "a" * 3000,
    "override": "https://evil.example/\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe",
    "zero": "\0http://evil.example/",
    "nested": "see HTTPS://evil.example and http://evil.example",
    "lines": "one\r\n@SUM(1)\n\x85two\N{LINE SEPARATOR}",
}


class Page(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, the text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.folder, self.source, self.text = path.parent, path.read_text(encoding="utf-8"), ""
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, attribute: str) -> list[str]:
        return [attributes[attribute] for name, attributes in self.elements if name == tag and attribute in attributes]

    @property
    def linked_files(self) -> list[Path]:
        return [self.folder / unquote(link) for link in self.all("a", "href") if link.startswith("../")]
