"""Attestation: which commit a server said it runs, asked by one call at a time.

Kept for `pinning.KEPT` seconds, and forgotten when the server fails: after a
reconnect it may be another one.
"""

import logging
from threading import Lock

from resilient_infer.core.gates import Ticket
from resilient_infer.core.testimony import Limits, Testimony
from resilient_infer.policies.pinning import KEPT

_log = logging.getLogger("resilient_infer")


class Attestation:
    """What one server said of itself. Safe from any number of threads and event loops."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._said: Testimony | None = None
        self._asked_until = 0.0
        self._waiting: list[Ticket] = []

    def known(self, now: float) -> Testimony | None:
        """What the server said last; None: it has to be asked (again)."""
        said = self._said  # read once: no lock on the way of every call
        return said if said is not None and now < said.until else None

    def ask(self, now: float, *, lease: float) -> Ticket | None:
        """Take the right to ask, for `lease` seconds; or a ticket, called once another call has asked."""
        with self._lock:
            if now >= self._asked_until:
                self._asked_until = now + lease
                return None
            ticket = Ticket()
            self._waiting.append(ticket)
            return ticket

    def tell(self, commit: str | None, limits: Limits, now: float) -> Testimony:
        """What the server said, None for nothing; the right to ask ends."""
        said = Testimony(commit=commit, limits=limits, until=now + KEPT)
        self._end(said)
        return said

    def leave(self) -> None:
        """Give the right to ask back, unused."""
        self._end(None)

    def forget(self) -> None:
        """Whatever was said may no longer hold."""
        self._said = None

    def _end(self, said: Testimony | None) -> None:
        with self._lock:
            if said is not None:
                self._said = said
            self._asked_until = 0.0
            waiting, self._waiting = self._waiting, []
            for ticket in waiting:
                ticket.called = True
        for ticket in waiting:
            try:
                ticket.wake()
            except Exception:  # its event loop is closed, for example: that is not this call's fault
                _log.exception(
                    "a call that waits for a server's commit could not be woken; this call goes on"
                )
