"""The kind of a payload: an address on the web, a Wi-Fi network, a payment, a contact, or another."""

import re
from typing import NamedTuple

from stages.payload.site import BARE_URL, host_of, known_suffix, registrable_domain

SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.ASCII | re.IGNORECASE)
WEB = ("http", "https")
# What a scanner does with a payload, by its scheme; those that are not registered with IANA are in common use.
BY_SCHEME = {
    "wifi": "wifi",
    **dict.fromkeys(("bitcoin", "bitcoincash", "dash", "dogecoin", "ethereum", "lightning", "litecoin", "monero",
                     "ripple", "solana", "payto", "upi", "alipays", "weixin", "wxp"), "payment"),
    **dict.fromkeys(("mecard", "bizcard"), "contact"),
    **dict.fromkeys(("otpauth", "otpauth-migration"), "one-time password"),
    **dict.fromkeys(("mailto", "matmsg", "smtp"), "mail"),
    **dict.fromkeys(("sms", "smsto", "mms", "mmsto", "tel", "facetime", "sip", "whatsapp", "tg"), "call or message"),
    **dict.fromkeys(("intent", "market", "itms-apps", "itms-services", "android-app"), "app"),
    **dict.fromkeys(("javascript", "data", "vbscript", "file", "blob"), "script or file"),
    "geo": "place",
    **dict.fromkeys(("mebkm", "urlto"), "bookmark"),
}  # fmt: skip
# Formats without a scheme: vCard (RFC 6350), iCalendar (RFC 5545), the QR codes of the European Payments Council
# (EPC069-12), of Swiss invoices (SPC), and of merchants (EMVCo, which begins with the length of its version, "01").
BY_START = {
    "BEGIN:VCARD": "contact", "BEGIN:VEVENT": "event", "BEGIN:VCALENDAR": "event",
    "BCD\n": "payment", "BCD\r\n": "payment", "SPC\n": "payment", "SPC\r\n": "payment", "000201": "payment",
}  # fmt: skip


class Kind(NamedTuple):
    """`name` is url, text, other scheme or one of the kinds above. The others are "" where a payload has none."""

    name: str
    scheme: str = ""
    host: str = ""
    registrable_domain: str = ""


def kind_of(payload: str) -> Kind:
    """The kind of a payload. A url is http, https or a bare host under a known suffix, in one piece and with a host."""
    text = payload.strip()
    for start, name in BY_START.items():
        if text[: len(start)].upper() == start:
            return Kind(name)
    one_piece = text.isprintable() and " " not in text
    if one_piece and BARE_URL.match(text):  # before the scheme: shop.example:8080/ has none
        host = host_of(text)
        return Kind("url", "", host, registrable_domain(host)) if host and known_suffix(host) else Kind("text")
    found = SCHEME.match(text)
    if not found:
        return Kind("text")
    scheme = found[1].lower()
    if scheme in WEB:
        host = host_of(text) if one_piece else ""
        return Kind("url", scheme, host, registrable_domain(host.rstrip("."))) if host else Kind("text", scheme)
    return Kind(BY_SCHEME.get(scheme, "other scheme"), scheme)
