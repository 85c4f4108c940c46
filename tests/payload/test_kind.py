import pytest

from stages.payload.kind import Kind, kind_of


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ("https://www.shop.co.uk/a?b", Kind("url", "https", "www.shop.co.uk", "shop.co.uk")),
        ("HTTP://SHOP.EXAMPLE", Kind("url", "http", "shop.example", "shop.example")),
        (" https://a.example/ ", Kind("url", "https", "a.example", "a.example")),
        ("https://user:word@a.example:8080/", Kind("url", "https", "a.example", "a.example")),
        ("http://192.0.2.7/", Kind("url", "http", "192.0.2.7", "192.0.2.7")),
        ("www.shop.com/a", Kind("url", "", "www.shop.com", "shop.com")),
        ("shop.com:8080/", Kind("url", "", "shop.com", "shop.com")),
        ("hello.there", Kind("text")),
        ("see you at seven", Kind("text")),
        ("https://a.example/\nand more", Kind("text", "https")),
        ("https://", Kind("text", "https")),
        ("", Kind("text")),
        ("WIFI:T:WPA;S:net;P:secret;;", Kind("wifi", "wifi")),
        ("bitcoin:1BoatSLRHtKNngkdXEeobR76b53LETtpyT", Kind("payment", "bitcoin")),
        ("upi://pay?pa=a@b", Kind("payment", "upi")),
        ("BCD\n002\n1\nSCT", Kind("payment")),
        ("SPC\r\n0200\r\n1", Kind("payment")),
        ("00020101021129300012D156000000000510A93FO3230Q", Kind("payment")),
        ("BEGIN:VCARD\nN:A\nEND:VCARD", Kind("contact")),
        ("MECARD:N:A;;", Kind("contact", "mecard")),
        ("BEGIN:VEVENT\nEND:VEVENT", Kind("event")),
        ("otpauth://totp/a:b?secret=JBSWY3DPEHPK3PXP", Kind("one-time password", "otpauth")),
        ("mailto:a@a.example", Kind("mail", "mailto")),
        ("tel:+15550100", Kind("call or message", "tel")),
        ("geo:48.1,11.5", Kind("place", "geo")),
        ("intent://a.example/#Intent;scheme=https;end", Kind("app", "intent")),
        ("javascript:alert(1)", Kind("script or file", "javascript")),
        ("data:text/html,<script>", Kind("script or file", "data")),
        ("ftp://a.example/", Kind("other scheme", "ftp")),
    ],
)
def test_kinds(payload: str, kind: Kind) -> None:
    assert kind_of(payload) == kind
