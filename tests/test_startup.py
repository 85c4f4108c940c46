from tests.helpers import REPO, run_python

WITHOUT = ("sample", "render", "scan", "validate", "split", "robustness", "report", "predict.__main__", "network.view")
SCRIPT = """
import sys
from importlib import import_module
for name in {}:
    import_module(f"stages.{{name}}")
    print(name, "torch" in sys.modules)
"""


def test_what_needs_no_torch_starts_without_it() -> None:
    """It takes seconds to load, and worker processes load the stage's module once more."""
    ended = run_python("-c", SCRIPT.format(WITHOUT), folder=REPO)
    assert ended.stdout.splitlines() == [f"{name} False" for name in WITHOUT], ended.stderr
