"""Worker processes for the stages that examine many files."""

import os
import signal
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """The number of cores this process may use; in a container that can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_workers(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    failed: Callable[[Item, str], Result],
    timeout: float,
    workers: int | None = None,
    chunk: int = 1,
) -> Generator[Result]:
    """Yield `work(item)` for each of `items`, in order and in bounded memory, computed by processes that may die.

    A process gets `chunk` items at a time, and `timeout` seconds for each. If it dies or hangs, the items of its chunk
    are sent again one by one, so that only the guilty one yields `failed(item, why)`, which runs in this process.
    `work` must be picklable; an exception in it is raised here.
    """
    count = min(workers or cores(), -(-len(items) // chunk)) or 1
    waiting: deque[tuple[Sequence[Item], Future[list[Result]]]] = deque()
    with worker_pool(count) as pool:

        def submit(part: Sequence[Item]) -> "Future[list[Result]]":
            # A worker's own alarm ends a decoder that hangs; the pool's limit is for platforms without alarms.
            return pool.schedule(_one_by_one, args=(work, part, timeout), timeout=timeout * (len(part) + 1))

        def collect(part: Sequence[Item], future: "Future[list[Result]]") -> Iterator[Result]:
            try:
                yield from future.result()
            except (ProcessExpired, TimeoutError) as death:
                if len(part) == 1:
                    yield failed(part[0], cause_of_death(death, timeout))
                else:
                    for item in part:
                        yield from collect([item], submit([item]))

        for start in range(0, len(items), chunk):
            part = items[start : start + chunk]
            waiting.append((part, submit(part)))
            if len(waiting) == 4 * count:  # enough to keep the workers busy, few enough to keep memory bounded
                yield from collect(*waiting.popleft())
        while waiting:
            yield from collect(*waiting.popleft())


def _one_by_one(work: Callable[[Item], Result], items: Sequence[Item], timeout: float) -> list[Result]:
    """Runs in a worker; SIGALRM ends the worker if an item takes too long."""
    results = []
    for item in items:
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, timeout)
        results.append(work(item))
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
    return results


def cause_of_death(death: Exception, timeout: float) -> str:
    """Why a worker process died, in words; `death` is what the pool raised for its task."""
    code = getattr(death, "exitcode", None)
    if isinstance(death, TimeoutError) or code == -signal.SIGALRM:
        return f"the decoder did not answer within {timeout:g} s"
    name = signal.Signals(-code).name if code and code < 0 else f"exit status {code}"
    return f"the decoder died on this file ({name})"


@contextmanager
def worker_pool(count: int | None) -> Iterator[ProcessPool]:
    """A pebble pool of `count` processes (None: one for each core); a worker that dies fails only its own task.

    Leaving the block normally waits for all tasks; an exception, including Ctrl-C, kills the workers.
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
    # Ctrl-C reaches every process of the terminal; only the parent reacts to it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Decoders print complaints about damaged files here; the file's row has them already.
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    # zbar, zxing and OpenCV each run on one thread: the processes are the parallelism.
    import cv2

    cv2.setNumThreads(1)
