"""Fork: what holds locks, threads or sockets starts afresh in a forked child.

A lock another thread held at the moment of the fork stays locked in the child
for ever, its threads are gone, and its sockets are the parent's.
"""

import os
from typing import Protocol
from weakref import WeakSet


class Renewable(Protocol):
    """Something that must not be carried across a fork as it is."""

    def renew(self) -> None:
        """Start afresh. Called in the child, where no other thread runs; takes no old lock."""


_living: "WeakSet[Renewable]" = WeakSet()


def renew_in_children(thing: Renewable) -> None:
    """Have `thing.renew()` called in every child forked while it lives."""
    _living.add(thing)


def _renew_all() -> None:
    for thing in list(_living):
        thing.renew()


if hasattr(os, "register_at_fork"):  # absent where there is no fork
    os.register_at_fork(after_in_child=_renew_all)
