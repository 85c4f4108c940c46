"""A turn that only one of the workers has at a time, for items that take much memory."""

import os
import signal
import sys

if sys.platform != "win32":
    import fcntl

_files: list[int] = []  # in a worker: the open file whose lock is the turn


def share_turn(file: str) -> None:
    """Take turns from now on with all processes that name the same `file`."""
    _files[:] = [os.open(file, os.O_RDWR)]


def take_turn() -> None:
    """Wait until no other worker has the turn, and have it until `give_turn_back`: at the end of a worker's item.

    So the largest amount of memory in use does not grow with the number of workers. The wait does not
    count against the item's time. The system gives the lock back where a worker dies. Nothing happens
    outside a worker, and on Windows.
    """
    if _files and sys.platform != "win32":
        left = set_alarm(0)
        fcntl.flock(_files[0], fcntl.LOCK_EX)
        set_alarm(left)


def give_turn_back() -> None:
    """End this process's turn, if it has it."""
    if _files and sys.platform != "win32":
        fcntl.flock(_files[0], fcntl.LOCK_UN)


def set_alarm(seconds: float) -> float:
    """Have SIGALRM come in `seconds` (0: never); returns how many were left before it would have come."""
    return signal.setitimer(signal.ITIMER_REAL, seconds)[0] if sys.platform != "win32" else 0
