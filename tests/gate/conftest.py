"""Good images, which every check holds on."""

from pathlib import Path

import pandas as pd
import pytest

from tests.gate.helpers import GOOD, with_params
from tests.helpers import draw_classes, looked_at


@pytest.fixture(scope="package")
def good_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of GOOD images a class."""
    return draw_classes(tmp_path_factory.mktemp("good"), GOOD, GOOD)


@pytest.fixture(scope="package")
def scanned_good(good_images: Path) -> pd.DataFrame:
    """Their scan table; tests change copies of it."""
    return looked_at(good_images, with_params({}))


@pytest.fixture
def good(scanned_good: pd.DataFrame) -> pd.DataFrame:
    """A copy of the scan table of good images."""
    return scanned_good.copy()
