import importlib
import socket
from collections.abc import Callable
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

from stages.payload import site


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
    ["", "plain text", "WIFI:S:home;T:WPA;P:secret;;", "mailto:a@b.example", "http://", "://",
     "http://[::1", "http://[a.b.example/", "http://.../", "tel:+1-201-555-0123", "BEGIN:VCARD\nEND:VCARD"],
)  # fmt: skip
def test_what_has_no_host_is_a_group_of_its_own(group_key: Callable[[str], str], payload: str) -> None:
    assert group_key(payload) == payload


@pytest.mark.parametrize(
    "payload",
    ["https://a.example", "HTTP://WWW.Shop.CO.UK?x", "https://a_b.example#//c.example/", "https://a-1.example/@b.example",
     "https://user@a.example/", "https://a.example:80/", "https://a.example\n", "https://a\nb.example/",
     "http://192.0.2.7/", "https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example/", "http://a.example./"],
)  # fmt: skip
def test_the_host_of_a_plain_url_is_the_one_of_the_standard_library(payload: str) -> None:
    host = urlsplit(payload).hostname or ""
    assert site.host_of(payload) == host.encode("idna").decode()


@pytest.mark.parametrize(
    "payload",
    ["http:\\\\a.b.example\\x", "http:/a.b.example/x", "https:a.b.example", "ws:////a.b.example", "ftp:\\a.b.example",
     "https:/\\a.b.example?x", " https://a.b.example", "https://c.example@a.b.example/", "https://a.b.example\\@c.example/",
     "ht\ntps://a.b.example", "https://a%2eb.example/", "https://\N{FULLWIDTH LATIN SMALL LETTER A}.b.example/",
     "intent://a.b.example/x#Intent;package=p;scheme=https;end", "webcal://a.b.example/x", "//a.b.example/x"],
)  # fmt: skip
def test_a_url_is_of_the_site_that_a_browser_goes_to(group_key: Callable[[str], str], payload: str) -> None:
    assert site.host_of(payload) == "a.b.example"
    assert group_key(payload) == "b.example"


@pytest.mark.parametrize("address", ["192.0.2.1", "3221225985", "0xC0000201", "0300.0.2.1", "192.0.513", "192.0.2.1."])
def test_an_ip_address_may_be_written_in_many_ways(group_key: Callable[[str], str], address: str) -> None:
    assert group_key(f"http://{address}/x") == "192.0.2.1"


@pytest.mark.parametrize(
    "payload",
    ["intent://scan/#Intent;scheme=zxing;end", "market://details?id=a.b", "otpauth://totp/a?secret=b",
     "weixin://wxpay/bizpayurl?pr=x", "alipays://platformapi/startapp?x", "file://a.example/x", "javascript://a.example/",
     "upi://mandate?x=1"],
)  # fmt: skip
def test_a_command_is_no_host(group_key: Callable[[str], str], payload: str) -> None:
    assert site.host_of(payload) == ""
    assert group_key(payload) == payload


@pytest.mark.parametrize(
    ("payload", "same"),
    [
        ("upi://pay?pa=shop@bank&am=1", "upi://pay?pa=shop@bank&am=22"),
        ("mailto:a@b.example?subject=x", "mailto:a@b.example"),
        ("bitcoin:1A?amount=1", "bitcoin:1A?amount=2"),
    ],
)
def test_one_recipient_is_one_site(group_key: Callable[[str], str], payload: str, same: str) -> None:
    assert group_key(payload) == group_key(same) != ""
    assert group_key("upi://pay?pa=other@bank&am=1") == "upi://pay?pa=other@bank"


def test_names_below_a_hosting_service_are_one_site(group_key: Callable[[str], str]) -> None:
    assert {group_key(f"https://{name}.github.io/") for name in "ab"} == {"github.io"}
    assert {group_key(f"https://{name}.duckdns.org/") for name in "ab"} == {"duckdns.org"}
