from pathlib import Path
from typing import Any

import pytest

from stages.common.cli import StageError
from stages.common.settings import Data
from stages.dataset.csv_table import read_csv

ROWS = {"url": ["https://a.example/?x=1,2", "b"], "label": ["benign", "bad"]}


def settings(url: str | None = None, label: str | None = None) -> Data:
    """Settings of the data with these columns."""
    named: dict[str, Any] = {"urls": "u", "images": "i", "url_column": url, "label_column": label, "classes": {}}
    return Data.model_validate(named)


def read(path: Path, content: str | bytes, url: str | None = None, label: str | None = None) -> dict[str, list[str]]:
    """The url and label of a table, and its source if it has one."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    data = settings(url, label)
    return read_csv(path, ("url", "label"), ("source",), data)


@pytest.mark.parametrize(
    "content",
    [
        'url,label\n"https://a.example/?x=1,2",benign\nb,bad\n',
        "URL;Label\nhttps://a.example/?x=1,2;benign\nb;bad\n",
        "url\ttype\nhttps://a.example/?x=1,2\tbenign\nb\tbad\n",
        "id|Type| URL \n1| benign |https://a.example/?x=1,2\n2|bad|  b\n",
        '\ufeffurl,label\r\n"https://a.example/?x=1,2",benign\r\nb,bad\r\n',
        'url,label\n\n"https://a.example/?x=1,2",benign\n\n,\nb,bad\n,\n',
        'url,type,label\n"https://a.example/?x=1,2",x,benign\nb,y,bad\n',
        "url;label\nhttps://a.example/?x=1,2;benign\nb;bad\n".encode("utf-16"),
        '"url","label"\n"https://a.example/?x=1,2","benign"\n"b","bad"\n',
        '"label";"note, or a|b";"url"\n"benign";"";"https://a.example/?x=1,2"\nbad;;b\n',
    ],
    ids=[
        "plain",
        "semicolons",
        "tabs",
        "bars",
        "Windows",
        "empty lines",
        "label before type",
        "UTF-16",
        "quotes",
        "quotes, other",
    ],
)
def test_what_people_write_is_read(tmp_path: Path, content: str | bytes) -> None:
    assert read(tmp_path / "t.csv", content) == ROWS


def test_columns_of_other_names_are_named_in_the_settings(tmp_path: Path) -> None:
    content = "domain,url,verdict\nb.example,https://b.example/,bad\n"
    assert read(tmp_path / "t.csv", content, "Domain", "verdict") == {"url": ["b.example"], "label": ["bad"]}


def test_an_optional_column_is_read_where_it_is(tmp_path: Path) -> None:
    assert read(tmp_path / "t.csv", "Source,url,label\nfeed,b,bad\n")["source"] == ["feed"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "url,label\nhttps://a.example/?x=1,2,benign\n",
            r"row 1 has 3 fields, header names 2 \(url, label\): a cell",
        ),
        ("url,label\na,benign,\nb,bad,\n", r"row 1 has 3 fields"),
        ("url;label\na;benign\nb;bad;x\n", r"row 2 has 3 fields, header names 2"),
        ("url,label,Label\na,benign,bad\n", r"has the column label twice \(url, label, Label\)"),
        ("domain,label\na,benign\n", r"has no column url; it has domain, label: rename one, or set data\.url_column"),
        ("url,label\n,benign\n", r"row 1 has no url"),
        (" \n", r"is empty; its first line must name the columns url and label"),
        ('url,label\n"a"b,benign\n', r"is not a CSV table: line 2"),
        ('"url"s,label\na,benign\n', r"is not a CSV table: line 1"),
        ('"url,label\na,benign\n', r"is not a CSV table: line 2: unexpected end"),
        ("url,label\nä,benign\n".encode("latin-1"), r"is not a table in UTF-8: line 2"),
        (b"PAR1\xff\0", r"is not a table in UTF-8: line 1"),
    ],
)
def test_what_cannot_be_read_is_said_with_what_was_found(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(StageError, match=rf"t\.csv:? {message}"):
        read(tmp_path / "t.csv", content)


def test_a_column_that_the_settings_name_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"has no column verdict; it has url, label"):
        read(tmp_path / "t.csv", "url,label\na,benign\n", label="verdict")


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    data = settings()
    with pytest.raises(StageError, match=r"is a folder; a CSV table of that name is expected"):
        read_csv(tmp_path, ("url",), (), data)
