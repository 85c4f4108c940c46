import pandas as pd
import pytest

from stages.payload.features import payload_features


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("https://www.a.example/b/c.php?x=1", {"host_length": 13, "path_length": 8, "path_depth": 2, "page_php": 1}),
        ("a.example/b", {"host_length": 9, "path_length": 2}),  # a bare host is no path
        ("http:\\\\a.example\\b", {"host_length": 9, "path_length": 2}),
        ("upi://pay?pa=x", {"host_length": 0, "has_query": 1, "top_level_domain": ""}),
        ("https://a.example", {"path_length": 0, "top_level_domain": "example", "www": 0}),
        (None, {"length": 0, "host_length": 0}),
    ],
)
def test_the_host_and_path_are_those_that_the_site_is_made_of(payload: str | None, expected: dict[str, object]) -> None:
    features = payload_features(pd.Series([payload], dtype="str")).iloc[0]
    assert {name: features[name] for name in expected} == expected
