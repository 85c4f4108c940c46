"""What the process has loaded from which the tests fork worker processes; nothing else imports this module.

See `workers_start_quickly` in tests/conftest.py.
"""

import os

import stages.predict.pool
import stages.render
import stages.robustness
import stages.scan  # noqa: F401
from stages.common import workers
from stages.common.lifetime import end_with_parent


def end_with_this_process(parent: int) -> None:
    """For workers, whose parent is this process, which ends with the one that they work for."""
    end_with_parent(os.getppid())


workers.end_with_parent = end_with_this_process
