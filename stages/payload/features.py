"""What a rule can count in a payload."""

import pandas as pd

from stages.payload.site import host_of


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
