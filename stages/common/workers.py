"""Worker processes for the stages that look at many files."""

import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context

from pebble import ProcessPool


def cores() -> int:
    """Cores this process may use, which in a container can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def worker_pool(count: int | None) -> Iterator[ProcessPool]:
    """A pebble pool of `count` processes (None: one a core); a dead worker fails its own task only.

    Leaving the block normally waits for all tasks; an exception, Ctrl-C included, kills the workers.
    """
    pool = ProcessPool(count or cores(), context=get_context("spawn"), initializer=_start)
    try:
        yield pool
        pool.close()
    except BaseException:
        pool.stop()
        raise
    finally:
        pool.join()


def _start() -> None:
    # Ctrl-C reaches every process of the terminal; only the parent answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Decoders complain of damaged files here; what they found stands in the file's row.
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    # zbar, zxing and OpenCV each run on one thread: the processes are the parallelism.
    import cv2

    cv2.setNumThreads(1)
