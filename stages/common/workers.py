"""Worker processes for the stages that examine many files."""

import ctypes
import os
import signal
import sys
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context
from tempfile import NamedTemporaryFile
from typing import NamedTuple, TypeVar

from pebble import ProcessExpired, ProcessPool

from stages.common.lifetime import end_with_parent
from stages.common.turn import give_turn_back, set_alarm, share_turn

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # from <malloc.h>

Item = TypeVar("Item")
Result = TypeVar("Result")


class Failure(NamedTuple):
    """Why a worker has no result for an item: `problem`, kills_decoder or out_of_memory, and a sentence."""

    problem: str
    error: str


def cores() -> int:
    """The number of cores this process may use; in a container that can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers_for(items: int, workers: int | None, chunk: int) -> int:
    """How many processes are of use for `items`, `chunk` at a time: at most `workers` (None: `cores`), at least 1."""
    return min(workers or cores(), -(-items // chunk)) or 1


def in_workers(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    failed: Callable[[Item, Failure], Result],
    timeout: float,
    workers: int | None = None,
    chunk: int = 1,
    pool: ProcessPool | None = None,
) -> Generator[Result]:
    """Yield `work(item)` for each of `items`, in order and in bounded memory, computed by processes that may die.

    A process gets `chunk` items at a time, and `timeout` seconds for each. If it dies or hangs, the items of its chunk
    are sent again one by one, so that only the guilty one yields `failed(item, failure)`, which runs in this process.
    `work` must be picklable; an exception in it is raised here. `pool`: one of `workers` processes that is there
    already, and stays. Raises StageError where a process ends without an item.
    """
    count = workers_for(len(items), workers, chunk)
    waiting: deque[tuple[Sequence[Item], Future[list[Result]]]] = deque()
    with nullcontext(pool) if pool else worker_pool(count) as processes:

        def submit(part: Sequence[Item]) -> "Future[list[Result]]":
            # A worker's own alarm ends a decoder that hangs, and stands still while the worker waits for its turn;
            # the pool's limit is for platforms without alarms.
            limit = timeout * (len(part) + 1) if sys.platform == "win32" else None
            return processes.schedule(one_by_one, args=(work, part, timeout), timeout=limit)

        def collect(part: Sequence[Item], future: "Future[list[Result]]") -> Iterator[Result]:
            try:
                yield from future.result()
            except (ProcessExpired, TimeoutError) as death:
                if len(part) == 1:
                    yield failed(part[0], cause_of_death(death, timeout))
                else:
                    for item in part:
                        yield from collect([item], submit([item]))
            except BrokenProcessPool:
                from stages.common.cli import StageError  # not in every worker, which would start later by it

                raise StageError(
                    "a worker process ended before it had begun, as where memory is short or the machine has far too "
                    "much to do: run this again when it has less"
                ) from None

        for start in range(0, len(items), chunk):
            part = items[start : start + chunk]
            waiting.append((part, submit(part)))
            if len(waiting) == 4 * count:  # enough to keep the workers busy, few enough to keep memory bounded
                yield from collect(*waiting.popleft())
        while waiting:
            yield from collect(*waiting.popleft())


def one_by_one(work: Callable[[Item], Result], items: Sequence[Item], timeout: float) -> list[Result]:
    """`work(item)` for each of `items`, in a worker, which an item that takes more than `timeout` seconds ends.

    By SIGALRM, for which `cause_of_death` has the words.
    """
    if sys.platform != "win32":
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    results = []
    for item in items:
        set_alarm(timeout)
        try:
            results.append(work(item))
        finally:
            set_alarm(0)
            give_turn_back()
    return results


def cause_of_death(death: Exception, timeout: float) -> Failure:
    """Why a worker process died, and whether the machine is at fault; `death` is what the pool raised for its task."""
    code = getattr(death, "exitcode", None)
    if isinstance(death, TimeoutError) or code == -signal.SIGALRM:
        return Failure("kills_decoder", f"the decoder did not answer within {timeout:g} s")
    if code == -getattr(signal, "SIGKILL", 9):  # no decoder does that to itself
        return Failure("out_of_memory", "the process was killed (SIGKILL), as the system does when memory is short")
    name = signal.Signals(-code).name if code and code < 0 else f"exit status {code}"
    return Failure("kills_decoder", f"the decoder died on this file ({name})")


@contextmanager
def worker_pool(count: int | None) -> Iterator[ProcessPool]:
    """A pebble pool of `count` processes (None: one for each core); a worker that dies fails only its own task.

    Leaving the block normally waits for all tasks; an exception, including Ctrl-C, kills the workers.
    """
    with NamedTemporaryFile(prefix="turn-") as turn:
        context = get_context("spawn")
        pool = ProcessPool(count or cores(), context=context, initializer=_start, initargs=(turn.name, os.getpid()))
        try:
            # Asked whether it is active, it starts: here, and not in the first thread that gives it work. To Linux,
            # that thread would be the workers' parent, and they would end with it (see end_with_parent).
            _ = pool.active
            yield pool
            pool.close()
        except BaseException:
            pool.stop()
            raise
        finally:
            pool.join()


def _start(turn: str, parent: int) -> None:
    end_with_parent(parent)
    # Ctrl-C reaches every process of the terminal; only the parent answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Decoders complain of damaged files here; what they found stands in the file's row.
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    share_turn(turn)
    _keep_freed_memory()
    # zbar, zxing and OpenCV each run on one thread: the processes are the parallelism.
    import cv2

    cv2.setNumThreads(1)


def _keep_freed_memory() -> None:
    """Have glibc's malloc use freed blocks again, as large as those for most pictures, instead of giving them back.

    By default the kernel maps and zeroes them page by page for each step on each picture.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(M_MMAP_THRESHOLD, 32 << 20)  # bytes; the largest that is allowed
        mallopt(M_TRIM_THRESHOLD, 128 << 20)
