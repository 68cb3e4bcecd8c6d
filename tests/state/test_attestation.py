"""Attestation: one call at a time asks, the others wait, and a word holds for a minute."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from resilient_infer.core.gates import Ticket
from resilient_infer.core.testimony import UNSAID, Limits
from resilient_infer.policies.pinning import KEPT
from resilient_infer.state.attestation import Attestation

COMMIT = "3f9c2ab" + "0" * 33
LEASE = 3.0


@given(now=st.floats(0, 1e6), later=st.floats(0, 200), commit=st.sampled_from([COMMIT, None]))
def test_a_word_is_known_for_a_minute_and_not_longer(now: float, later: float, commit: str | None) -> None:
    """Kept 60 s, whether the server said a commit or nothing."""
    attestation = Attestation()
    attestation.tell(commit, Limits(inputs=32), now)

    known = attestation.known(now + later)

    assert (known is not None) == (now + later < now + KEPT)
    if known is not None:
        assert (known.commit, known.limits.inputs) == (commit, 32)


@given(waiting=st.integers(0, 20), said=st.booleans())
def test_one_call_asks_and_all_others_are_called_when_it_comes_to_an_end(waiting: int, said: bool) -> None:
    attestation = Attestation()
    woken: list[int] = []
    assert attestation.ask(0.0, lease=LEASE) is None
    tickets = []
    for index in range(waiting):
        ticket = attestation.ask(0.1, lease=LEASE)
        assert ticket is not None
        ticket.notify(lambda index=index: woken.append(index))  # type: ignore[misc]  # the default binds
        tickets.append(ticket)

    if said:
        attestation.tell(COMMIT, UNSAID, 0.2)
    else:
        attestation.leave()

    assert woken == list(range(waiting))
    assert all(ticket.called for ticket in tickets)
    assert (attestation.ask(0.3, lease=LEASE) is None) or not tickets


def test_a_right_that_was_lost_is_free_again_after_its_lease() -> None:
    attestation = Attestation()
    assert attestation.ask(0.0, lease=LEASE) is None
    assert attestation.ask(LEASE - 0.01, lease=LEASE) is not None
    assert attestation.ask(LEASE, lease=LEASE) is None


def test_what_was_said_is_forgotten_when_the_server_fails() -> None:
    attestation = Attestation()
    attestation.tell(COMMIT, UNSAID, 0.0)
    attestation.forget()
    assert attestation.known(0.1) is None


def test_of_many_threads_exactly_one_asks() -> None:
    attestation = Attestation()
    start = threading.Barrier(16)
    answers: list[Ticket | None] = []

    def ask() -> None:
        start.wait()
        answers.append(attestation.ask(1.0, lease=LEASE))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers.count(None) == 1
    attestation.tell(COMMIT, UNSAID, 1.1)
    assert all(ticket.called for ticket in answers if ticket is not None)


def test_a_call_that_cannot_be_woken_keeps_nobody_else_asleep(caplog: pytest.LogCaptureFixture) -> None:
    """Its event loop is closed, for example: neither the one who asked nor those behind it are at fault."""
    attestation = Attestation()
    woken: list[str] = []

    def closed() -> None:
        raise RuntimeError("Event loop is closed")

    assert attestation.ask(0.0, lease=LEASE) is None
    for wake in (closed, lambda: woken.append("second")):
        ticket = attestation.ask(0.1, lease=LEASE)
        assert ticket is not None
        ticket.notify(wake)

    attestation.leave()

    assert woken == ["second"]
    assert "could not be woken" in caplog.text


class Asking(RuleBasedStateMachine):
    """At no moment do two calls hold the right to ask, unless the first one's lease is over."""

    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.attestation = Attestation()
        self.now = 0.0
        self.right_until = 0.0

    @rule(target=tickets)
    def ask(self) -> Ticket | None:
        ticket = self.attestation.ask(self.now, lease=LEASE)
        assert (ticket is None) == (self.now >= self.right_until)
        if ticket is None:
            self.right_until = self.now + LEASE
        return ticket

    @rule(seconds=st.floats(0.1, 70))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(commit=st.sampled_from([COMMIT, None]))
    def tell(self, commit: str | None) -> None:
        said = self.attestation.tell(commit, UNSAID, self.now)
        self.right_until = 0.0
        assert self.attestation.known(self.now) is said

    @rule()
    def leave(self) -> None:
        self.attestation.leave()
        self.right_until = 0.0

    @rule(ticket=consumes(tickets))
    def called(self, ticket: Ticket | None) -> None:
        """A ticket is called at the latest when nobody asks any more."""
        if ticket is not None and self.right_until == 0.0:
            assert ticket.called

    @invariant()
    def a_known_word_is_fresh(self) -> None:
        known = self.attestation.known(self.now)
        assert known is None or self.now < known.until <= self.now + KEPT


TestAsking = Asking.TestCase
