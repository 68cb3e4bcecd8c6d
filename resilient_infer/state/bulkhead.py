"""Bulkhead: at most so many attempts in flight, the rest queue in order.

Not locked: it belongs to a gate, which holds its own lock. Whoever calls a
method that may free a slot wakes the tickets it returns, after the lock.
"""

import math
from collections import deque
from itertools import chain
from typing import Final

from resilient_infer.core.gates import Permit, Ticket

COLLECT_WITHIN: Final = 1.0
"""Seconds for which a slot is kept for a ticket that was called and did not come."""


class Bulkhead:
    """Slots, and a queue no longer than there are slots.

    Invariants: slots taken plus slots kept never exceed the limit; nobody queues while a slot is free.
    """

    __slots__ = ("_called", "_flying", "_limit", "_queue")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._flying: dict[Permit, None] = {}
        self._called: dict[Ticket, None] = {}
        self._queue: deque[Ticket] = deque()

    def has_slot(self, ticket: Ticket | None) -> bool:
        """Whether an attempt may start now: a free slot, or one kept for this ticket."""
        if ticket is not None and ticket in self._called:
            return True
        return len(self._flying) + len(self._called) < self._limit

    def take(self, permit: Permit, ticket: Ticket | None) -> None:
        """Occupy a slot. Only after `has_slot`."""
        if ticket is not None:
            self._called.pop(ticket, None)
        self._flying[permit] = None

    def give_back(self, permit: Permit) -> list[Ticket]:
        """Free the slot of `permit`, if it still has it. Returns the tickets to wake."""
        self._flying.pop(permit, None)
        return self._call_waiting()

    def reclaim(self, now: float) -> list[Ticket]:
        """Free what was lost: expired permits, and slots kept for tickets that never came."""
        for permit in [permit for permit in self._flying if permit.expires_at <= now]:
            del self._flying[permit]
        for ticket in list(self._called):
            if ticket.expires_at is None:
                ticket.expires_at = now + COLLECT_WITHIN
            elif ticket.expires_at <= now:
                del self._called[ticket]
        return self._call_waiting()

    def queue_up(self, ticket: Ticket | None) -> Ticket | None:
        """A place in the queue: the one already held, a new one, or None if the queue is full."""
        if ticket is None or ticket not in self._queue:
            if len(self._queue) >= self._limit:
                return None
            ticket = Ticket()
            self._queue.append(ticket)
        ticket.ask_again_at = self._next_loss()
        return ticket

    def leave(self, ticket: Ticket) -> list[Ticket]:
        """Give a place back, called or not. Returns the tickets to wake."""
        if ticket in self._called:
            del self._called[ticket]
            return self._call_waiting()
        if ticket in self._queue:
            self._queue.remove(ticket)
        return []

    def _next_loss(self) -> float:
        """When the first of the slots that are taken or kept is lost, if it is not given back before."""
        kept = (ticket.expires_at for ticket in self._called if ticket.expires_at is not None)
        flying = (permit.expires_at for permit in self._flying)
        return min(chain(flying, kept), default=math.inf)

    def _call_waiting(self) -> list[Ticket]:
        called = []
        while self._queue and len(self._flying) + len(self._called) < self._limit:
            ticket = self._queue.popleft()
            ticket.called = True
            self._called[ticket] = None
            called.append(ticket)
        return called
