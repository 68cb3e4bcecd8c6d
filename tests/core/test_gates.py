"""The values that pass between a plan and its gates."""

import threading

import pytest

from resilient_infer.core.gates import CircuitState, NotBefore, Permit, SkipReason, Ticket


def test_a_new_permit_is_outstanding_and_no_probe():
    """It is void once given back, or after its moment."""
    permit = Permit(11.0)

    assert permit.outstanding
    assert not permit.probe
    assert permit.change is None
    assert permit.expires_at == 11.0


def test_permits_and_tickets_are_told_apart_by_identity():
    """Two with the same moment are two."""
    assert Permit(1.0) != Permit(1.0)
    assert Ticket() != Ticket()


def test_a_ticket_wakes_everyone_who_asked():
    """Whoever asked before it was called, in the order of asking."""
    ticket, woken = Ticket(), []
    ticket.notify(lambda: woken.append(1))
    ticket.notify(lambda: woken.append(2))
    assert woken == []
    ticket.called = True
    ticket.wake()

    assert woken == [1, 2]


def test_a_ticket_that_was_called_wakes_at_once():
    """A call that comes to wait a moment too late does not wait for ever."""
    ticket, woken = Ticket(), []
    ticket.called = True
    ticket.wake()
    ticket.notify(lambda: woken.append(True))

    assert woken == [True]


def test_no_interleaving_of_calling_and_asking_loses_a_wake():
    """`called` is set before the wake, and read after the asking: one of the two sees the other."""
    for _ in range(200):
        ticket, woken, barrier = Ticket(), threading.Event(), threading.Barrier(2)

        def call(ticket=ticket, barrier=barrier):
            barrier.wait(5.0)
            ticket.called = True
            ticket.wake()

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        barrier.wait(5.0)
        ticket.notify(woken.set)
        assert woken.wait(5.0)
        thread.join(5.0)


@pytest.mark.parametrize(
    ("reason", "passes"), [("ADVISED", True), ("FULL", True), ("OPEN", False), ("BARRED", False)]
)
def test_cb5_an_open_circuit_is_not_waited_for(reason, passes):
    """To fail at once is what it is there for; advice and a full bulkhead pass."""
    assert SkipReason[reason].passes is passes


def test_a_refusal_is_compared_by_what_it_says():
    """A refusal that was told once is not told again."""
    assert NotBefore(1.0, SkipReason.OPEN) == NotBefore(1.0, SkipReason.OPEN, "", None)
    assert NotBefore(1.0, SkipReason.OPEN) != NotBefore(2.0, SkipReason.OPEN)


def test_the_states_have_pybreakers_names():
    """A listener of the user's compares with pybreaker's constants."""
    import pybreaker

    assert [state.value for state in CircuitState] == [
        pybreaker.STATE_CLOSED,
        pybreaker.STATE_OPEN,
        pybreaker.STATE_HALF_OPEN,
    ]
