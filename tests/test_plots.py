"""The page that `dvc plots show` fills, which works without internet."""

import re

from dvc_render.html import HTML
from dvc_render.vega import VegaRenderer

from tests.helpers import REPO

PAGE = (REPO / ".dvc/plots/page.html").read_text()


def test_the_plots_page_has_the_versions_that_dvc_asks_for() -> None:
    asked = re.findall(r'npm/([^"]+)', VegaRenderer.SCRIPTS)
    assert asked and all(f"<!-- {pin}\n" in PAGE for pin in asked), f"{asked}: run .ci/plots-page"


def test_the_plots_page_loads_nothing_from_the_internet() -> None:
    page = HTML(PAGE).with_scripts(VegaRenderer.SCRIPTS).with_element("<p>a plot</p>").embed()
    assert "<p>a plot</p>" in page and "{refresh_tag}" not in page
    scripts = re.compile(r"<script>.*?</script>", re.DOTALL)
    assert len(scripts.findall(page)) == 3
    assert not re.search(r"\b(?:src|href)\s*=", scripts.sub("", page))
