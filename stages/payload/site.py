"""The site of a payload: all rows of one site go to the same part of a split."""

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from tldextract import TLDExtract

# Matches nearly every payload. urlsplit finds the same host, but takes five times as long.
PLAIN_URL = re.compile(r"https?://([a-z0-9._-]+)(?:[/?#]|\Z)", re.ASCII | re.IGNORECASE)
BARE_URL = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?([/?#]|$)")
# The public suffix list that ships with tldextract: no URL to fetch a newer one from, no cache outside the project.
_suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None)


def group_key(payload: str) -> str:
    """The site of a payload: rows of one site stay in one part.

    The registrable domain of the payload's host, lower case; the IP address if the host is one; the
    whole payload if it is not a URL with a host. A top-level domain that is not in the public suffix list
    counts as a public suffix (the list's default rule "*", see https://publicsuffix.org/list/), so
    ``a.b.example`` belongs to ``b.example``.
    """
    host = host_of(payload).rstrip(".")
    return registrable_domain(host) if host else payload


def host_of(payload: str) -> str:
    """The host of a payload that is a URL, with or without a scheme: lower case, as in DNS. "" if there is none."""
    if plain := PLAIN_URL.match(payload):
        return plain[1].lower()
    if BARE_URL.match(payload):
        payload = "//" + payload
    try:
        host = urlsplit(payload).hostname or "" if "//" in payload else ""
        return host if host.isascii() else host.encode("idna").decode()
    except ValueError:  # an unclosed bracket, or a name that is invalid in DNS
        return ""


@lru_cache(maxsize=100_000)
def registrable_domain(host: str) -> str:
    """`host` without subdomains: ``www.shop.co.uk`` -> ``shop.co.uk``. See `group_key`."""
    if ":" in host or host[-1:].isdigit():  # true of every IP address, and of few names
        try:
            ip_address(host)
            return host
        except ValueError:
            pass
    parts = _suffixes(host)
    if parts.suffix:
        return f"{parts.domain}.{parts.suffix}" if parts.domain else parts.suffix
    return ".".join(host.split(".")[-2:])
