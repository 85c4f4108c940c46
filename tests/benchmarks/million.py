"""A scan table as large as one likes: synthetic URLs under reserved names, and no picture behind them."""

import random
import string
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from segno import consts

from stages.dataset.row import SCHEMA
from stages.sample import NOUNS, benign_url, malicious_url

POOL = 20_000  # URLs a class from which scheme, sub-domains and path are taken
SIZES: Any = consts.SYMBOL_CAPACITY  # in bits, with 20 for mode and length
CAPACITY = [(SIZES[version][consts.ERROR_LEVEL_M] - 20) // 8 for version in range(1, 41)]  # bytes


def million(rows: int, seed: int) -> pd.DataFrame:
    """A table as stages/scan.py writes it, with `rows` readable codes, half of each class, which the gate lets through.

    1,000,000 rows have about 790,000 sites: nearly one for each benign row, while 40 % of the malicious
    rows are on sites whose sizes follow Zipf's law, the three largest with about 26,000 rows each. One row
    in a hundred is a copy. The same seed gives the same table.
    """
    rng = np.random.default_rng(seed)
    bad = np.arange(rows) >= rows // 2
    shared = rng.random(rows) < np.where(bad, 0.4, 0.02)
    rank = np.minimum(rng.zipf(np.where(bad, 1.5, 3.0)), rows)  # 1 is the site that comes most often
    site = 2 * np.where(shared, rank, rows + np.arange(rows)) + bad
    payloads = _payloads(site, bad, rng, random.Random(seed))
    copied = np.flatnonzero((rng.random(rows) < 0.01) & (np.roll(bad, 1) == bad))
    payloads[copied] = payloads[copied - 1]
    version = np.searchsorted(CAPACITY, [len(payload) for payload in payloads]) + 1
    side = 10 * (17 + 4 * version + 8)  # pixels, as stages/render.py draws them
    label = np.where(bad, "malicious", "benign")
    table = {
        "path": [f"{name}/{place:07}.png" for place, name in enumerate(label)],
        "label": label,
        "source": "",
        "bytes": (side**2 / 290 * rng.lognormal(0, 0.05, rows)).round(),
        "width": side,
        "height": side,
        "channels": 1,
        "format": "PNG",
        "sha256": [rng.bytes(32).hex() for _ in range(rows)],
        "decoded": True,
        "symbols": 1,
        "payload": payloads,
        "version": version,
        "ec_level": "M",
        "mask": rng.choice(8, rows, p=[0.06, 0.04, 0.26, 0.18, 0.09, 0.11, 0.13, 0.13]),
        "module_px": 10.0,
        "quiet_zone": 4.0,
        "inverted": False,
        "mirrored": False,
        "brightness": rng.normal(170, 6, rows),
        "label_problem": "",
        "problem": "",
        "error": "",
    }
    whole = pd.DataFrame(table).reindex(columns=SCHEMA.names)
    return pa.Table.from_pandas(whole, SCHEMA, preserve_index=False).to_pandas()


def _payloads(site: np.ndarray, bad: np.ndarray, rng: np.random.Generator, source: random.Random) -> np.ndarray:
    """URLs of stages/sample.py, each on the site of its row: object (n,) of str."""
    hosts: list[str] = []
    pools = [benign_url(source) for _ in range(POOL)], [malicious_url(source, hosts) for _ in range(POOL)]
    parts = [[_taken_apart(url) for url in pool] for pool in pools]
    drawn = rng.integers(POOL, size=len(site))
    urls = []
    for place, (number, is_bad, at) in enumerate(zip(site.tolist(), bad.tolist(), drawn.tolist(), strict=True)):
        before, suffix, path = parts[is_bad][at]
        # Most pages of a large site are told apart by a number.
        page = f"?id={place}" if is_bad and "?" not in path and number < len(site) else ""
        urls.append(f"{before}{_name(number)}.{suffix}{path}{page}")
    return np.array(urls, dtype=object)


def _taken_apart(url: str) -> tuple[str, str, str]:
    """What stands before the registrable name, its top-level domain, and the path."""
    scheme, _, host, *path = url.split("/")
    *labels, _, suffix = host.split(".")
    return "".join([f"{scheme}//", *(f"{label}." for label in labels)]), suffix, "/".join(["", *path])


def _name(number: int) -> str:
    """Another word for each number."""
    rest, first = divmod(number, len(NOUNS))
    rest, second = divmod(rest, len(NOUNS))
    letters = ""
    while rest:
        rest, place = divmod(rest, len(string.ascii_lowercase))
        letters += string.ascii_lowercase[place]
    return f"{NOUNS[first]}{NOUNS[second]}{letters and '-' + letters}"
