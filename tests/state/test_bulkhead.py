"""Slots and the queue for them (BH1, BH2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.gates import Permit
from resilient_infer.state.bulkhead import COLLECT_WITHIN, Bulkhead

LEASE = 10.0


def fill(bulkhead, count):
    """`count` permits in flight."""
    permits = [Permit(LEASE) for _ in range(count)]
    for permit in permits:
        assert bulkhead.has_slot(None)
        bulkhead.take(permit, None)
    return permits


@given(limit=st.integers(1, 20))
def test_bh1_no_more_than_the_limit_are_in_flight(limit):
    """In-flight <= limit at all times."""
    bulkhead = Bulkhead(limit)
    fill(bulkhead, limit)

    assert not bulkhead.has_slot(None)


def test_bh1_a_second_give_back_frees_nothing():
    """Double release is a no-op."""
    bulkhead = Bulkhead(2)
    first, _ = fill(bulkhead, 2)

    bulkhead.give_back(first)
    bulkhead.give_back(first)
    fill(bulkhead, 1)
    assert not bulkhead.has_slot(None)


@given(limit=st.integers(1, 20))
def test_bh2_the_queue_is_no_longer_than_there_are_slots(limit):
    """Queue bounded: who finds no place gets no ticket."""
    bulkhead = Bulkhead(limit)
    fill(bulkhead, limit)

    tickets = [bulkhead.queue_up(None) for _ in range(limit + 3)]
    assert None not in tickets[:limit]
    assert len(set(tickets[:limit])) == limit
    assert tickets[limit:] == [None, None, None]


def test_bh2_who_asks_again_keeps_the_place():
    """A ticket that still queues is given back as it is."""
    bulkhead = Bulkhead(1)
    fill(bulkhead, 1)
    ticket = bulkhead.queue_up(None)

    assert bulkhead.queue_up(ticket) is ticket
    assert bulkhead.queue_up(None) is None


@given(limit=st.integers(1, 8), order=st.randoms(use_true_random=False))
def test_bh2_slots_are_given_first_come_first_served(limit, order):
    """FIFO among waiters, in whichever order the slots come free."""
    bulkhead = Bulkhead(limit)
    permits = fill(bulkhead, limit)
    queue = [bulkhead.queue_up(None) for _ in range(limit)]
    order.shuffle(permits)

    called = [ticket for permit in permits for ticket in bulkhead.give_back(permit)]
    assert called == queue
    assert all(ticket.called for ticket in queue)


def test_bh2_nobody_jumps_the_queue():
    """A slot that is kept for a ticket is taken by no other."""
    bulkhead = Bulkhead(1)
    (permit,) = fill(bulkhead, 1)
    ticket = bulkhead.queue_up(None)
    bulkhead.give_back(permit)

    assert not bulkhead.has_slot(None)
    assert bulkhead.has_slot(ticket)
    bulkhead.take(Permit(LEASE), ticket)
    assert not bulkhead.has_slot(ticket)


def test_bh2_a_place_that_is_given_up_is_passed_on():
    """Called or not: the next in line moves up."""
    bulkhead = Bulkhead(2)
    first, second = fill(bulkhead, 2)
    leaver, patient = bulkhead.queue_up(None), bulkhead.queue_up(None)

    assert bulkhead.leave(leaver) == []
    assert bulkhead.give_back(first) == [patient]
    late = bulkhead.queue_up(None)
    assert bulkhead.leave(patient) == [late]
    assert bulkhead.leave(patient) == []
    assert bulkhead.leave(late) == []
    assert bulkhead.give_back(second) == []
    fill(bulkhead, 2)


@pytest.mark.parametrize(("now", "free"), [(LEASE - 0.001, False), (LEASE, True), (1e9, True)])
def test_cb8_a_permit_that_was_lost_frees_its_slot_when_its_lease_ends(now, free):
    """The expiry is the guarantee, not the `finally`."""
    bulkhead = Bulkhead(1)
    fill(bulkhead, 1)

    bulkhead.reclaim(now)
    assert bulkhead.has_slot(None) is free


def test_bh2_a_slot_is_kept_for_a_second_and_no_longer():
    """A ticket that was called and never comes holds its slot from the first time somebody else asks."""
    bulkhead = Bulkhead(1)
    (permit,) = fill(bulkhead, 1)
    ghost = bulkhead.queue_up(None)
    bulkhead.give_back(permit)

    assert bulkhead.reclaim(5.0) == []
    waiting = bulkhead.queue_up(None)
    assert bulkhead.reclaim(5.0 + COLLECT_WITHIN - 0.001) == []
    assert not waiting.called
    assert bulkhead.reclaim(5.0 + COLLECT_WITHIN) == [waiting]
    assert not bulkhead.has_slot(ghost)


def test_bh2_a_late_report_of_a_reclaimed_permit_frees_nothing():
    """Its slot belongs to another by now."""
    bulkhead = Bulkhead(1)
    (lost,) = fill(bulkhead, 1)
    bulkhead.reclaim(LEASE)
    bulkhead.take(Permit(2 * LEASE), None)

    bulkhead.give_back(lost)
    assert not bulkhead.has_slot(None)


@given(moves=st.lists(st.sampled_from(["ask", "give back", "leave", "collect"]), max_size=60))
def test_bh2_nobody_queues_while_a_slot_is_free(moves):
    """Whatever happens, in whatever order: FIFO, within the limit, and no idle slot beside a queue."""
    bulkhead, flying, waiting, called = Bulkhead(2), [], [], []

    for move in moves:
        if move == "ask" and bulkhead.has_slot(None):
            assert not waiting
            flying += fill(bulkhead, 1)
        elif move == "ask" and (ticket := bulkhead.queue_up(None)) is not None:
            waiting.append(ticket)
        elif move == "give back" and flying:
            for ticket in bulkhead.give_back(flying.pop(0)):
                assert ticket is waiting.pop(0)
                called.append(ticket)
        elif move == "leave" and waiting:
            bulkhead.leave(waiting.pop())
        elif move == "collect" and called:
            flying.append(Permit(LEASE))
            bulkhead.take(flying[-1], called.pop(0))
        assert len(flying) + len(called) <= 2
        assert not waiting or len(flying) + len(called) == 2
