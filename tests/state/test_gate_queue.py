"""The gate of a route: its slots and the queue for them (BH1-BH5)."""

import logging
import math

import pytest

from resilient_infer.core.gates import SkipReason
from resilient_infer.core.outcome import Verdict
from resilient_infer.policies.trip import BreakerConfig
from tests.state.asking import admitted, fail, gate, listened, refused, settle


def test_bh1_a_permit_is_given_back_once():
    """Double release is a no-op, in every combination."""
    asked = gate(concurrency=2)
    first, _ = admitted(asked), admitted(asked)
    asked.release(first)
    asked.release(first)
    assert settle(asked, first, Verdict.FAILURE) is None

    admitted(asked)
    refused(asked)


def test_bh4_a_full_bulkhead_refuses_with_a_ticket_and_counts_nothing():
    """A rejected call sends nothing, is IGNORE for the breaker; a full queue gives no ticket."""
    asked, ear = listened(concurrency=1)
    admitted(asked)
    answers = [refused(asked) for _ in range(20)]

    assert {(answer.moment, answer.reason) for answer in answers} == {(math.inf, SkipReason.FULL)}
    assert answers[0].ticket is not None
    assert {answer.ticket for answer in answers[1:]} == {None}
    assert ear.changes == []


def test_bh4_who_finds_no_slot_takes_no_probe():
    """Half-open probes leak here first: the circuit does not even half-open for one who cannot be sent."""
    asked, ear = listened(BreakerConfig(consecutive=1), concurrency=2)
    failing, _ = admitted(asked), admitted(asked)
    ticket = refused(asked).ticket
    settle(asked, failing, Verdict.FAILURE)

    assert refused(asked, 1.0).reason is SkipReason.FULL
    assert ear.state == "open"
    assert admitted(asked, 1.0, ticket=ticket).probe
    assert ear.state == "half-open"


def test_bh5_who_may_not_probe_takes_no_slot():
    """Nothing is taken until all rings agree: refused by the breaker, a hundred callers fill no bulkhead."""
    asked, _ = listened(BreakerConfig(consecutive=1), concurrency=2)
    fail(asked, 1)
    for _ in range(100):
        assert refused(asked, 0.5).ticket is None

    settle(asked, admitted(asked, 1.0), Verdict.SUCCESS, 1.0)
    admitted(asked, 1.0)
    admitted(asked, 1.0)


def test_bh2_a_ticket_is_woken_once_its_slot_is_free_and_redeemed_for_a_permit():
    """FIFO; the slot is kept for the one who was called."""
    asked = gate(concurrency=1)
    permit = admitted(asked)
    ticket = refused(asked).ticket
    assert ticket is not None
    woken = []
    ticket.notify(lambda: woken.append("first"))
    assert refused(asked, ticket=ticket).ticket is ticket
    asked.release(permit)

    assert woken == ["first"]
    refused(asked)
    admitted(asked, ticket=ticket)


@pytest.mark.parametrize("ring", ["not before", "breaker"])
def test_bh2_who_may_not_send_keeps_no_place_in_the_queue(ring):
    """A refusal by another ring names no ticket, and so holds none: the next in line is called."""
    asked = gate(concurrency=2)
    first, second = admitted(asked), admitted(asked)
    early, late = refused(asked).ticket, refused(asked).ticket
    assert early is not None
    assert late is not None
    asked.release(first)
    assert early.called
    if ring == "breaker":
        asked.isolate()
    else:
        asked.postpone(5.0, SkipReason.ADVISED, "HTTP 429")

    assert refused(asked, ticket=early).ticket is None
    assert late.called
    asked.leave(late)
    asked.leave(early)
    asked.release(second)
    asked.restore()
    admitted(asked, 5.0)
    admitted(asked, 5.0)


def test_bh2_a_call_that_cannot_be_woken_does_not_fail_the_one_that_wakes_it(caplog):
    """An event loop that is closed raises RuntimeError; the next in line is woken all the same."""
    asked = gate(concurrency=2)
    permits = [admitted(asked), admitted(asked)]
    tickets = [refused(asked).ticket, refused(asked).ticket]
    woken = []

    def closed():
        raise RuntimeError("Event loop is closed")

    tickets[0].notify(closed)
    tickets[1].notify(lambda: woken.append(True))
    with caplog.at_level(logging.ERROR, "resilient_infer"):
        for permit in permits:
            asked.release(permit)
    assert woken == [True]
    assert "could not be woken" in caplog.text


def test_leaving_a_queue_that_does_not_exist_is_harmless():
    """No bulkhead, no queue."""
    other = gate(concurrency=1)
    admitted(other)
    ticket = refused(other).ticket
    assert ticket is not None

    gate().leave(ticket)
