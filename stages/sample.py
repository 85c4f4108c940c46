"""Make the sample table: synthetic URLs under reserved names, labelled benign and malicious.

The shares below were counted in 20,000 real URLs (10,000 for each class, collected in 2021, ESDAUNG/PhishDataset)
and rounded. One is different: 96 % of the real benign URLs start with ``www.``, which would give the label away
(AUC 0.92), so here only 62 % do. Hosts end in .example, .test or .invalid (RFC 2606), equally often in both
classes: scanning a code drawn from this table leads nowhere. The brands do not exist.

Some rows have the source ``elsewhere``: URLs as another collector would find them. The benign ones are long addresses
of articles, as from a crawl; the malicious ones are short, with other brands, as from a feed. `split.given` keeps them
out of train, val and test, so they show whether the network learned more than the habits of the first collection.
"""

import csv
import random
from collections.abc import Callable

from stages.common.artefacts import SAMPLE_URLS
from stages.common.cli import run_stage, stdout
from stages.common.files import replacing
from stages.common.settings import load_params

ELSEWHERE = "elsewhere"  # the source of the rows as another collector would find them
SUFFIXES = ("example", "test", "invalid")
BRANDS = ("norvabank", "payquil", "mailora", "cloudmere", "shopwick", "parcelo", "streamly", "tradeon", "telvio")
OTHER_BRANDS = ("zentria", "okuvo", "brightpay", "lumigo", "fastpost", "quadrobank", "helpario", "netquill")
LURES = ("login", "secure", "account", "verify", "update", "signin", "support", "billing", "wallet", "confirm", "alert")
PAGES = ("news", "about", "products", "contact", "blog", "shop", "events", "gallery", "help", "jobs", "press", "team")
FOLDERS = ("wp-content", "wp-includes", "images", "css", "js", "admin", "tmp", "files", "plugins", "mail", "webmail")
NOUNS = """
    garden river kitchen museum school travel music paper coffee winter stone bridge market forest
    island studio camera bicycle harbor theater village library recipe planet castle orchard sport
    health energy design craft fashion family weather football science history culture jewel
""".split()


Draw = Callable[[random.Random], str]


def main() -> None:
    """Write the table; the same seed gives the same table."""
    params = load_params().sample
    rng, hosts = random.Random(params.seed), list[str]()
    here = drawn(rng, params.per_class, benign_url, lambda rng: malicious_url(rng, hosts))
    there = drawn(rng, params.elsewhere_per_class, crawled_url, reported_url)
    rows = [(*row, "") for row in here] + [(*row, ELSEWHERE) for row in there]
    with replacing(SAMPLE_URLS) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("url", "label", "source"), *rows])
    stdout.print(
        f"{SAMPLE_URLS}: {len(here):,} synthetic URLs and {len(there):,} from elsewhere, half of each malicious"
    )


def drawn(rng: random.Random, each: int, benign: Draw, malicious: Draw) -> list[tuple[str, str]]:
    """`each` different URLs of either class as (url, label), mixed; a URL that comes up again is drawn anew."""
    labels: dict[str, str] = {}
    while len(labels) < each:
        labels.setdefault(benign(rng), "benign")
    while len(labels) < 2 * each:
        labels.setdefault(malicious(rng), "malicious")
    rows = list(labels.items())
    rng.shuffle(rows)
    return rows


def benign_url(rng: random.Random) -> str:
    """A plausible harmless URL: mostly https, often www, short, made of words."""
    name = "-".join(rng.sample(NOUNS, 2)) if rng.random() < 0.12 else "".join(rng.sample(NOUNS, rng.choice((1, 2, 2))))
    name += str(rng.randrange(1, 99)) if rng.random() < 0.06 else ""
    prefix = "www." if rng.random() < 0.62 else rng.choice(PAGES) + "." if rng.random() < 0.06 else ""
    scheme = "https" if rng.random() < 0.95 else "http"
    depth = rng.choices(range(6), (19, 46, 25, 6, 2, 2))[0]
    parts = [_wordy_part(rng) for _ in range(depth)]
    return f"{scheme}://{prefix}{name}.{rng.choice(SUFFIXES)}/" + _ending(
        rng, parts, rng.choices((".html", ".php", ""), (14, 4, 82))[0], 0.55
    )


def malicious_url(rng: random.Random, hosts: list[str]) -> str:
    """A plausible phishing URL; reuses a domain in `hosts`, or invents one and appends it."""
    if hosts and rng.random() < 0.45:  # 10,000 real malicious URLs have 5,003 registrable domains
        domain = rng.choice(hosts)
    else:
        domain = f"{_bad_name(rng)}.{rng.choice(SUFFIXES)}"
        hosts.append(domain)
    labels = rng.choices(range(4), (51, 34, 9, 6))[0]
    subdomains = [rng.choice((rng.choice(BRANDS), rng.choice(LURES), _token(rng, 4, 10))) for _ in range(labels)]
    prefix = "www." if rng.random() < 0.12 else ""
    scheme = "https" if rng.random() < 0.57 else "http"
    depth = rng.choices(range(6), (10, 37, 24, 12, 8, 9))[0]
    parts = [_bad_part(rng) for _ in range(depth)]
    url = f"{scheme}://{prefix}{'.'.join([*subdomains, domain])}/" + _ending(
        rng, parts, rng.choices((".php", ".html", ""), (19, 12, 69))[0], 0.3
    )
    if rng.random() < 0.18:
        keys = rng.sample(("id", "session", "email", "token", "ref", "cmd"), rng.choice((1, 1, 2)))
        url += "?" + "&".join(f"{key}={_token(rng, 4, 28)}" for key in keys)
    return url


def crawled_url(rng: random.Random) -> str:
    """A harmless address as a crawl collects them: an article deep in a site, without www."""
    name = "".join(rng.sample(NOUNS, rng.choice((1, 2))))
    prefix = rng.choice(("", "", "", "en.", "blog.", "forum."))
    scheme = "https" if rng.random() < 0.4 else "http"
    parts = [rng.choice(PAGES), *(str(rng.randrange(2009, 2020)) for _ in range(rng.randrange(2)))]
    parts += [_wordy_part(rng) for _ in range(rng.randrange(1, 4))]
    title = "-".join(rng.sample(NOUNS, rng.randrange(3, 8)))
    ending = rng.choice(("", "/", ".html", f"-{rng.randrange(10**5, 10**7)}"))
    return f"{scheme}://{prefix}{name}.{rng.choice(SUFFIXES)}/{'/'.join(parts)}/{title}{ending}"


def reported_url(rng: random.Random) -> str:
    """A phishing address as a feed reports them: a short name, often with www., and hardly a path."""
    kind = rng.random()
    if kind < 0.45:
        name = f"{rng.choice(OTHER_BRANDS)}{rng.choice(('', '-', '-id-'))}{rng.choice(LURES)}"
    elif kind < 0.75:
        name = f"{rng.choice(OTHER_BRANDS)}-{_token(rng, 3, 6)}"
    else:
        name = _token(rng, 5, 10)
    prefix = "www." if rng.random() < 0.35 else ""
    scheme = "https" if rng.random() < 0.7 else "http"
    path = rng.choices(("", rng.choice(LURES), f"{rng.choice(LURES)}/", _token(rng, 4, 8)), (45, 25, 15, 15))[0]
    return f"{scheme}://{prefix}{name}.{rng.choice(SUFFIXES)}/{path}"


def _ending(rng: random.Random, parts: list[str], extension: str, slash: float) -> str:
    if not parts:
        return ""
    return "/".join(parts) + (extension or ("/" if rng.random() < slash else ""))


def _wordy_part(rng: random.Random) -> str:
    if rng.random() < 0.10:
        return str(rng.choice((rng.randrange(2005, 2022), rng.randrange(10, 9999))))
    if rng.random() < 0.25:
        return "-".join(rng.sample(NOUNS, rng.choice((2, 3, 4))))
    return rng.choice((rng.choice(PAGES), rng.choice(NOUNS)))


def _bad_part(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.30:
        return rng.choice(LURES)
    if kind < 0.50:
        return rng.choice(FOLDERS)
    if kind < 0.66:
        return _token(rng, 4, 16)
    return _wordy_part(rng)


def _bad_name(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.25:
        return f"{rng.choice(BRANDS)}-{rng.choice(LURES)}"
    if kind < 0.45:
        return _token(rng, 6, 14)
    if kind < 0.60:
        return rng.choice(LURES) + rng.choice(NOUNS) + str(rng.randrange(10, 999))
    return "".join(rng.sample(NOUNS, rng.choice((1, 2, 2))))


def _token(rng: random.Random, shortest: int, longest: int) -> str:
    """Random letters and digits, as in session identifiers and throw-away names."""
    alphabet = rng.choice(("0123456789abcdef", "abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz"))
    return "".join(rng.choices(alphabet, k=rng.randint(shortest, longest)))


if __name__ == "__main__":
    run_stage(main)
