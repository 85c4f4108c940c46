"""Features of a payload that a simple rule can use."""

import pandas as pd

from stages.payload.site import split_host


def payload_features(payloads: pd.Series) -> pd.DataFrame:
    """Features of each payload, one row each, with the index of `payloads`; a missing payload counts as "".

    All columns are float64, except ``top_level_domain`` (str). Lengths are in characters.
    """
    text = payloads.fillna("")
    parts = text.map(split_host)
    host, rest = parts.str[0], parts.str[1]
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
