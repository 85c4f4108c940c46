import pytest

from tests.helpers import REPO, run_python


@pytest.mark.parametrize("name", ["sample", "render", "scan", "validate", "split", "predict", "robustness", "report"])
def test_what_needs_no_torch_starts_without_it(name: str) -> None:
    """It takes seconds to load, and worker processes load the stage's module once more."""
    ended = run_python("-c", f"import sys, stages.{name}; print('torch' in sys.modules)", folder=REPO)
    assert ended.stdout == "False\n", ended.stderr
