"""No process outlives the one that it works for."""

import ctypes
import os
import signal
import sys
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>
LAUNCHER = "QR_GATE_LAUNCHER"  # in the environment of processes that train together: which process started them


def end_with_starter() -> None:
    """See that this process does not outlive the one that started it to work for it, if there is one.

    That is the parent of a worker process, the launcher of processes that train together (torchrun sets RANK), or
    DVC. What went on without it would write beside its successor. `import stages` does this first, since the imports
    of a stage take seconds.
    """
    if "--multiprocessing-fork" in sys.orig_argv:
        end_with_parent(os.getppid())
    elif "RANK" in os.environ:
        end_with_parent(int(os.environ.get(LAUNCHER, os.getppid())))
    elif "DVC_STAGE" in os.environ:
        end_with_dvc()


def end_with_parent(parent: int) -> None:
    """See that this process does not outlive its parent, whose id is `parent`, however that ends.

    It is killed, which costs nothing: outputs appear whole or not at all.
    """
    if sys.platform == "linux":  # the kernel sees to it, also while a decoder holds the interpreter's lock
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before that
            os._exit(1)
    else:
        import psutil

        end_with(psutil.Process(parent))


def end_with_dvc() -> None:
    """See that a stage does not outlive the DVC that started it, by a shell or, if that made room for it, directly."""
    import psutil

    parents = psutil.Process().parents()[:2]
    by_shell = parents and "-c" in parents[0].cmdline()
    for process in parents if by_shell else parents[:1]:
        end_with(process)


def end_with(process: "psutil.Process") -> None:
    """End this process at once when `process` has ended."""
    Thread(target=_wait_and_end, args=(process,), daemon=True).start()


def _wait_and_end(process: "psutil.Process") -> None:
    process.wait()
    os._exit(1)
