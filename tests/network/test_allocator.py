from pathlib import Path

from tests.helpers import LINUX, run_python

# 400 MB are written and freed; what is left of it in the process.
SCRIPT = """
import sys
from pathlib import Path
import numpy as np
if len(sys.argv) > 1:
    from stages.network.allocator import keep_freed_memory
    keep_freed_memory()
block = np.ones(50_000_000)
del block
print(int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) // 1024)
"""


@LINUX
def test_freed_memory_stays_in_the_process(tmp_path: Path) -> None:
    plain, kept = (run_python("-c", SCRIPT, *extra, folder=tmp_path) for extra in ((), ("keep",)))
    assert (plain.returncode, kept.returncode) == (0, 0), plain.stderr + kept.stderr
    assert int(kept.stdout) > int(plain.stdout) + 300
