import importlib
import socket
from collections.abc import Callable
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

from stages.payload import safe, site


@pytest.fixture
def group_key(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """`group_key` of a freshly loaded module, in a process without a network."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the network was asked")

    for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    return importlib.reload(site).group_key


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        ("https://a.b.example/x", "b.example"),
        ("https://b.example", "b.example"),
        ("https://www.shop.co.uk/x?y=http://other.example", "shop.co.uk"),
        ("http://mail.google.com/", "google.com"),
        ("HTTPS://WWW.Shop.CO.UK/X", "shop.co.uk"),
        ("http://a.b.example:8080/", "b.example"),
        ("http://www.bank.test@a.b.example/", "b.example"),
        ("http://user:pass@a.b.example:80/", "b.example"),
        ("https://a.b.example./", "b.example"),
        ("http://192.0.2.7/login", "192.0.2.7"),
        ("http://192.0.2.7:81/login", "192.0.2.7"),
        ("http://[2001:db8::1]:8080/", "2001:db8::1"),
        ("http://co.uk/", "co.uk"),
        ("http://localhost/x", "localhost"),
        ("ftp://files.b.example/", "b.example"),
    ],
)
def test_a_url_belongs_to_its_registrable_domain(group_key: Callable[[str], str], payload: str, key: str) -> None:
    assert group_key(payload) == key


@pytest.mark.parametrize(
    "payload",
    ["", "plain text", "WIFI:S:home;T:WPA;P:secret;;", "mailto:a@b.example", "http://", "http:///path", "://",
     "http://[::1", "http://[a.b.example/", "http://.../", "tel:+1-201-555-0123", "BEGIN:VCARD\nEND:VCARD"],
)  # fmt: skip
def test_what_has_no_host_is_a_group_of_its_own(group_key: Callable[[str], str], payload: str) -> None:
    assert group_key(payload) == payload


@pytest.mark.parametrize(
    "payload",
    ["https://a.example", "HTTP://WWW.Shop.CO.UK?x", "https://a_b.example#//c.example/", "https://a-1.example/@b.example",
     "https://user@a.example/", "https://a.example:80/", "https://a.example\n", "https://a\nb.example/",
     "https://a.example\\b.example/", "https://a.example%2fb", "https://..", "https:///a.example", "http://192.0.2.7/"],
)  # fmt: skip
def test_the_host_is_the_one_of_the_standard_library(payload: str) -> None:
    assert site.host_of(payload) == (urlsplit(payload).hostname or "")


@pytest.mark.parametrize(
    ("payload", "harmless"),
    [
        ("https://a.b.example/x.php", "hxxps://a[.]b[.]example/x[.]php"),
        ("HTTP://A.example", "hxxp://A[.]example"),
        ("ftp://a.example/", "fxp://a[.]example/"),
        ("http://192.0.2.7/", "hxxp://192[.]0[.]2[.]7/"),
        ("see https://a.example/ and http://b.test", "see hxxps://a[.]example/ and hxxp://b[.]test"),
        ("www.a.example", "www[.]a[.]example"),
        ("plain text", "plain text"),
        ("", ""),
    ],
)
def test_a_defanged_payload_cannot_be_clicked(payload: str, harmless: str) -> None:
    assert safe.defang(payload).casefold() == harmless.casefold()
