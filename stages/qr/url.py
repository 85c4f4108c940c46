"""What can be said of a payload without ever opening it."""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from tldextract import TLDExtract

# The list of public suffixes that ships with tldextract; no address to fetch a newer one from,
# and no cache folder outside the project.
_suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None)


def group_key(payload: str) -> str:
    """The name under which a payload stays on one side of a split.

    The registrable domain of the payload's host, lower case; the address itself if the host is
    one; the whole payload if it is no URL with a host. A top-level domain that the public suffix
    list does not know counts as a public suffix (the list's default rule "*", see
    https://publicsuffix.org/list/), so ``a.b.example`` belongs to ``b.example``.
    """
    try:
        host = urlsplit(payload if "://" in payload else "").hostname
    except ValueError:  # such as an unclosed bracket
        host = None
    return registrable_domain(host.rstrip(".")) if host and host.strip(".") else payload


@lru_cache(maxsize=100_000)
def registrable_domain(host: str) -> str:
    """`host` without sub-domains: ``www.shop.co.uk`` -> ``shop.co.uk``. See `group_key`."""
    try:
        ip_address(host)
        return host
    except ValueError:
        pass
    parts = _suffixes(host)
    if parts.suffix:
        return f"{parts.domain}.{parts.suffix}" if parts.domain else parts.suffix
    return ".".join(host.split(".")[-2:])


def defang(payload: str) -> str:
    """`payload` made unclickable: ``http`` becomes ``hxxp``, and every dot of the text ``[.]``."""
    scheme, separator, rest = payload.partition("://")
    if separator and scheme.lower() in ("http", "https", "ftp"):
        payload = scheme.lower().replace("tt", "xx").replace("ftp", "fxp") + separator + rest
    return payload.replace(".", "[.]")
