"""No process outlives the one that it works for."""

import ctypes
import os
import signal
import sys
from threading import Thread

import psutil

PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>


def end_with_parent(parent: int) -> None:
    """See that this process does not outlive its parent, whose id is `parent`, however that ends.

    It is killed, which costs nothing: outputs appear whole or not at all.
    """
    if sys.platform == "linux":  # the kernel sees to it, also while a decoder holds the interpreter's lock
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before that
            os._exit(1)
    else:
        end_with(psutil.Process(parent))


def end_with_dvc() -> None:
    """See that a stage does not outlive the DVC that started it, by a shell or, if that made room for it, directly."""
    parents = psutil.Process().parents()[:2]
    by_shell = parents and "-c" in parents[0].cmdline()
    for process in parents if by_shell else parents[:1]:
        end_with(process)


def end_with(process: psutil.Process) -> None:
    """End this process at once when `process` has ended."""
    Thread(target=_wait_and_end, args=(process,), daemon=True).start()


def _wait_and_end(process: psutil.Process) -> None:
    process.wait()
    os._exit(1)
