"""What can be said of a payload without ever opening it."""

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

import pandas as pd
from tldextract import TLDExtract

# Nearly every payload is one, and urlsplit, which finds the same host, takes five times as long.
PLAIN_URL = re.compile(r"https?://([a-z0-9._-]+)(?:[/?#]|\Z)", re.ASCII | re.IGNORECASE)
BARE_URL = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?([/?#]|$)")
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
    host = host_of(payload).rstrip(".")
    return registrable_domain(host) if host else payload


def host_of(payload: str) -> str:
    """The host of a payload that is a URL, with or without its scheme, lower case and as in DNS, else ""."""
    if plain := PLAIN_URL.match(payload):
        return plain[1].lower()
    if BARE_URL.match(payload):
        payload = "//" + payload
    try:
        host = urlsplit(payload).hostname or "" if "//" in payload else ""
        return host if host.isascii() else host.encode("idna").decode()
    except ValueError:  # an unclosed bracket, or a name that DNS could not hold
        return ""


@lru_cache(maxsize=100_000)
def registrable_domain(host: str) -> str:
    """`host` without sub-domains: ``www.shop.co.uk`` -> ``shop.co.uk``. See `group_key`."""
    if ":" in host or host[-1:].isdigit():  # as every address is, and few names are
        try:
            ip_address(host)
            return host
        except ValueError:
            pass
    parts = _suffixes(host)
    if parts.suffix:
        return f"{parts.domain}.{parts.suffix}" if parts.domain else parts.suffix
    return ".".join(host.split(".")[-2:])


def payload_features(payloads: pd.Series) -> pd.DataFrame:
    """What a rule could look at without understanding the address: one row a payload, in its index.

    All columns are float64 but ``top_level_domain`` (str). Counts are of characters.
    """
    text = payloads.fillna("")
    host = text.map(host_of)
    rest = text.str.replace(r"^[^:]*://[^/?#]*", "", regex=True)
    path = rest.str.replace(r"(?s)[?#].*", "", regex=True)
    features = {
        "length": text.str.len(),
        "https": text.str.startswith("https:"),
        "www": host.str.startswith("www."),
        "https_www": text.str.startswith("https://www."),
        "host_length": host.str.len(),
        "host_dots": host.str.count(r"\."),
        "host_digits": host.str.count(r"\d"),
        "host_hyphens": host.str.count("-"),
        "path_length": path.str.len(),
        "path_depth": path.str.count(r"[^/]+"),
        "path_hyphens": path.str.count("-"),
        "ends_with_slash": text.str.endswith("/"),
        "has_query": text.str.contains("?", regex=False),
        "digits": text.str.count(r"\d"),
        "upper_case": text.str.count(r"[A-Z]"),
        "percent_signs": text.str.count("%"),
        "at_signs": text.str.count("@"),
        "page_php": path.str.endswith(".php"),
        "page_html": path.str.contains(r"\.html?$"),
    }
    table = pd.DataFrame(features, index=payloads.index).astype("float64")
    return table.assign(top_level_domain=host.map(lambda name: name.rpartition(".")[2]))


def defang(text: str) -> str:
    """`text` made unclickable: every ``http://`` becomes ``hxxp://``, and every dot ``[.]``."""
    return re.sub(r"(?i)\b(h)tt(ps?:)|\b(f)t(p:)", _fanged, text).replace(".", "[.]")


def _fanged(scheme: re.Match[str]) -> str:
    return f"{scheme[1]}xx{scheme[2]}" if scheme[1] else f"{scheme[3]}x{scheme[4]}"
