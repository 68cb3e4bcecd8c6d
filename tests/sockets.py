"""The sockets of this process that lead anywhere."""

import gc
import os
import socket
import stat
import threading
from time import monotonic


def internet_sockets() -> set[str]:
    """Their inodes. The local pairs that loops and the sandbox have for themselves are not among them."""
    gc.collect()
    numbers = os.listdir("/proc/self/fd")
    return {inode for number in numbers if (inode := _inode(int(number)))}


def closed_down_to(before: set[str], *, and_more: int = 0) -> bool:
    """Whether all but those and a few more are closed; servers and loops close some a moment later."""
    ends_at = monotonic() + 5
    while len(internet_sockets() - before) > and_more and monotonic() < ends_at:
        threading.Event().wait(0.002)
    return len(internet_sockets() - before) <= and_more


def _inode(number: int) -> str:
    try:
        status = os.fstat(number)
        if not stat.S_ISSOCK(status.st_mode):
            return ""
        copy = os.dup(number)
    except OSError:  # closed since it was listed
        return ""
    with socket.socket(fileno=copy) as same:
        return str(status.st_ino) if same.family == socket.AF_INET else ""
