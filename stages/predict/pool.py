"""Sources in, their codes out, in the same order: read by processes that may die, without waiting for one another.

Nothing waits for a list to end or for a batch to fill: what is known is passed on. The queues between the
threads are short, so that memory does not grow with the number of files.
"""

import queue
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool

from stages.common.workers import cause_of_death, cores, one_by_one, worker_pool
from stages.predict.codes import MEMORY, TIMEOUTS_A_FILE, Code, Progress, See, codes_in
from stages.predict.paths import Source
from stages.predict.sources.item import Limits

T = TypeVar("T")
CHUNK = 8  # files a worker takes at a time
MAX_DEATHS = 5  # of workers by one file
Sent = tuple[list[Source], "Future[list[list[Code]]]"]


def batches(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """`items` in lists of as many as are there, at least one and at most `most`; they are made in another thread."""
    there: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(most)

    def fill() -> None:
        try:
            for item in items:
                there.put((True, item))
            there.put((False, None))
        except BaseException as error:  # raised where the items are wanted
            there.put((False, error))

    Thread(target=fill, daemon=True).start()
    more = True
    while more:
        batch = []
        more, item = there.get()
        while more:
            batch.append(item)
            if len(batch) == most or there.empty():
                break
            more, item = there.get()
        if batch:
            yield batch  # type: ignore[misc]
        if not more and item is not None:
            raise item  # type: ignore[misc]


@contextmanager
def reader(limits: Limits, workers: int | None = None) -> Iterator["Reader"]:
    """A `Reader` with `workers` processes (None: one a core), which end with the block."""
    count = workers or cores()
    with TemporaryDirectory(prefix="qr-gate-") as folder, worker_pool(count) as pool:
        yield Reader(pool, limits, Path(folder), 2 * count)


class Reader:
    """Reads files in the processes of `pool`; at most about three times `ahead` chunks are on their way."""

    def __init__(self, pool: ProcessPool, limits: Limits, folder: Path, ahead: int) -> None:
        self.pool, self.limits, self.folder, self.ahead = pool, limits, folder, ahead
        self.see: See

    def codes(self, found: Iterable[Source], see: See) -> Iterator[list[Code]]:
        """The codes of each of `found` as a network sees them, in order.

        A file, or a part of one, that kills its reader costs one entry.
        """
        self.see = see
        sent = (self.send(part) for part in batches(found, CHUNK))
        for several in batches(sent, self.ahead):
            for part, future in several:
                yield from self.collect(part, future)

    def send(self, part: list[Source], progress: Progress | None = None) -> Sent:
        """Give `part` to a worker."""
        # A worker's own alarm ends a hanging decoder; the pool's limit is for platforms without alarms.
        longest = self.limits.timeout * (TIMEOUTS_A_FILE * len(part) + 2)
        progress = progress or Progress(alarmed=True)
        return part, self.pool.schedule(_work, args=(part, self.limits, progress, self.see), timeout=longest)

    def collect(self, part: list[Source], future: "Future[list[list[Code]]]") -> Iterator[list[Code]]:
        """The codes of each of `part`, for which `future` stands."""
        try:
            yield from future.result()
        except (ProcessExpired, TimeoutError):
            for source in part:
                yield self.carefully(source)

    def carefully(self, source: Source) -> list[Code]:
        """The codes of a file of which a part may kill its reader: that part is found out and left alone."""
        progress = Progress(alarmed=True, file=str(self.folder / "part"))
        while True:
            Path(progress.file or "").unlink(missing_ok=True)
            try:
                return self.send([source], progress)[1].result()[0]
            except (ProcessExpired, TimeoutError) as death:
                why = cause_of_death(death, self.limits.timeout).error
                part = _number(Path(progress.file or ""))
                if part is None or part in progress.deadly:
                    return [Code(source.path, reason="kills_decoder", detail=why)]
                progress.deadly[part] = why
                if len(progress.deadly) == MAX_DEATHS:
                    progress.give_up = part + 1


def _number(file: Path) -> int | None:
    return int(file.read_bytes()) if file.exists() and file.stat().st_size else None


def _work(part: list[Source], limits: Limits, progress: Progress, see: See) -> list[list[Code]]:
    """Runs in a worker."""
    _bound_memory()

    def work(source: Source) -> list[Code]:
        return codes_in(source, limits, progress if len(part) == 1 else Progress(alarmed=True), see)

    return one_by_one(work, part, limits.timeout)


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
