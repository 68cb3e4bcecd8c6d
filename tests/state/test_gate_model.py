"""The gate, step by step, against the reference: any order of calls, losses and gaps in time."""

from math import inf
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from resilient_infer.core.gates import Permit, SkipReason
from resilient_infer.core.outcome import Verdict
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.state.gate import GateConfig, RouteGate
from tests.state.listening import BY_HAND, Ear, Faulty
from tests.state.reference_gate import ReferenceGate

LEASE = 4

breakers = st.builds(
    BreakerConfig,
    failure_rate=st.sampled_from([0.1, 0.25, 0.5, 0.55, 1.0]),
    min_calls=st.integers(1, 6),
    window=st.just(10.0),  # buckets of one second, the step of this clock
    consecutive=st.sampled_from([1, 3, 5, 1000]),
    slow_after=st.sampled_from([None, 1.0]),
    open=st.sampled_from([1.0, 2.0]),
    max_open=st.sampled_from([2.0, 8.0]),
    probes=st.integers(1, 3),
)


class GateMachine(RuleBasedStateMachine):
    """CB1-CB15, BH1, BH2, BH4, RB1-RB8, CO2 and CK2 at once, after every step."""

    permits = Bundle("permits")
    tickets = Bundle("tickets")

    @initialize(
        breaker=breakers,
        concurrency=st.sampled_from([None, None, 1, 2, 3]),
        retries=st.sampled_from([0, 2, 10, 20]),
        faulty=st.booleans(),
    )
    def start(self, breaker, concurrency, retries, faulty):
        config = GateConfig(breaker=breaker, concurrency=concurrency, retries=retries)
        self.gate = RouteGate("model", config, jitter=lambda: 0.5)
        self.reference = ReferenceGate(breaker, concurrency, retries)
        self.breaker, self.limit = breaker, concurrency
        self.ear = Ear()
        if faulty:
            self.gate.add_listener(Faulty())
        self.gate.add_listener(self.ear)
        self.now = 1000.0
        self.given, self.places, self.woken = [], [], set()

    # Asking

    @rule(target=permits, leases=st.lists(st.sampled_from([LEASE, 3 * LEASE]), min_size=1, max_size=5))
    def ask(self, leases):
        """So many at once: slots fill, calls queue, probes fly side by side."""
        permits = [self.ask_with(None, lease) for lease in leases]
        return multiple(*(permit for permit in permits if permit is not None))

    @rule(target=permits, ticket=tickets, lease=st.just(LEASE))
    def redeem(self, ticket, lease):
        """With a ticket that queues, was called, was left, or was forgotten long ago."""
        permit = self.ask_with(ticket, lease)
        return multiple() if permit is None else permit

    def ask_with(self, ticket, lease):
        real, place = (None, None) if ticket is None else ticket
        answer = self.gate.ask(self.now, lease=lease, ticket=real)
        expected = self.reference.ask(self.now, lease, place)
        if isinstance(answer, Permit):
            kind, held = expected
            assert kind == "permit"
            assert answer.probe is held.probe
            assert answer.expires_at == held.expires_at
            self.given.append((answer, held))
            return (answer, held)
        kind, moment, reason, place = expected
        assert kind == "not before"
        assert (answer.moment, answer.reason) == (moment, SkipReason[reason])
        assert answer.moment > self.now
        self.know(answer.ticket, place)
        return None

    def know(self, ticket, place):
        assert (ticket is None) is (place is None)
        if ticket is None:
            return
        for known, its_place in self.places:
            assert (known is ticket) is (its_place is place)
            if known is ticket:
                return
        self.places.append((ticket, place))
        ticket.notify(lambda: self.woken.add(ticket))

    @precondition(lambda self: self.places)
    @rule(target=tickets, back=st.integers(1, 3))
    def remember_a_ticket(self, back):
        return self.places[-min(back, len(self.places))]

    # Reporting

    @rule(
        permit=permits,
        verdict=st.sampled_from(Verdict),
        elapsed=st.sampled_from([0.1, 1.0, 3.0]),
        clean=st.booleans(),
    )
    def settle(self, permit, verdict, elapsed, clean):
        """In time, too late, from an older generation, or a second time."""
        real, held = permit
        change = self.gate.settle(real, verdict, self.now, elapsed=elapsed, clean=clean)
        expected = self.reference.settle(held, verdict.name, self.now, elapsed, clean)
        assert (change is None) is (expected is None)
        if change is not None:
            old, new, until = expected
            assert (change.old.value, change.new.value) == (old, new)
            assert until is None or change.until == until

    @rule(verdicts=st.lists(st.sampled_from(Verdict), min_size=1, max_size=12))
    def call(self, verdicts):
        """Whole calls, one after another."""
        for verdict in verdicts:
            permit = self.ask_with(None, LEASE)
            if permit is not None:
                self.settle(permit, verdict, 0.1, False)

    @rule(early=st.sampled_from([0, 0, 0, 1]))
    def fail_and_wait(self, early):
        """To the very moment at which an open circuit lets a probe through, or just before it."""
        if self.breaker is None:
            return
        if self.reference.until == inf:
            self.restore()
        if self.ear.state == "closed":
            self.call([Verdict.FAILURE] * 6)
        if self.ear.state == "open":
            self.now = max(self.now, self.reference.until - early, self.reference.not_before)

    @rule(permit=permits)
    def release(self, permit):
        self.gate.release(permit[0])
        self.reference.release(permit[1])

    @rule(ticket=tickets)
    def leave(self, ticket):
        self.gate.leave(ticket[0])
        self.reference.leave(ticket[1])

    # By hand, by advice, by the clock

    @rule(seconds=st.sampled_from([1, 1, 1, 1, 2, 2, 3, LEASE, 9, 10, 11, 10**9]))
    def let_time_pass(self, seconds):
        self.now += seconds

    @rule(what=st.sampled_from(["postpone", "postpone", "isolate", "restore"]), seconds=st.integers(-1, 4))
    def change_by_hand(self, what, seconds):
        if what == "postpone":
            self.gate.postpone(self.now + seconds, SkipReason.ADVISED, "")
            self.reference.postpone(self.now + seconds)
        elif what == "isolate":
            self.gate.isolate()
            self.reference.isolate()
        else:
            self.restore()

    def restore(self):
        self.gate.restore()
        self.reference.restore()

    @rule(takes=st.lists(st.booleans(), max_size=12))
    def take_and_return_tokens(self, takes):
        for take in takes:
            if take:
                assert self.gate.take_token() is self.reference.take_token()
            else:
                self.gate.return_token()
                self.reference.return_token()

    # What always holds

    @invariant()
    def every_transition_is_heard_once_and_is_legal(self):
        assert self.ear.changes == self.reference.changes
        self.ear.assert_legal(BY_HAND)

    @invariant()
    def no_more_are_in_flight_than_there_are_slots_and_probes(self):
        living = [held for _, held in self.given if not held.given_back and held.expires_at > self.now]
        if self.limit is not None:
            assert len(living) + len(self.reference.kept) <= self.limit
        if self.ear.state == "half-open":
            probes = [held for held in living if held.probe and held.epoch == self.reference.epoch]
            assert len(probes) <= self.breaker.probes

    @invariant()
    def the_queue_is_served_in_order_and_only_where_there_is_no_slot(self):
        assert [ticket.called for ticket, _ in self.places] == [place.called for _, place in self.places]
        assert {ticket for ticket, place in self.places if place.called} == self.woken
        reference = self.reference
        if reference.queue:
            assert len(reference.flying) + len(reference.kept) == self.limit

    @invariant()
    def tokens_are_between_none_and_ten(self):
        assert 0 <= self.reference.tokens <= 10

    def teardown(self):
        """CO2: at quiescence nothing is held: every slot and every probe's place can be had again."""
        if not hasattr(self, "gate"):
            return
        for permit in self.given:
            self.release(permit)
        for ticket in self.places:
            self.leave(ticket)
        self.restore()
        self.now += 10**6
        for _ in range(self.limit or 5):
            assert isinstance(self.gate.ask(self.now, lease=LEASE), Permit)
        held = 0
        while self.gate.take_token():
            held += 1
        assert held == int(self.reference.tokens)


def a_step(machine, random):
    """One of the rules, with arguments as they come: no rarer deep in a story than at its start."""
    permit, ticket = machine.given and random.choice(machine.given[-8:]), machine.places[-4:]
    match random.randrange(12):
        case 0 | 1:
            machine.ask(random.choices([LEASE, 3 * LEASE], k=random.randint(1, 3)))
        case 2 if ticket:
            machine.redeem(random.choice(ticket), LEASE)
        case 3 | 4 if permit:
            elapsed = random.choice([0.1, 1.0, 3.0])
            machine.settle(permit, random.choice(list(Verdict)), elapsed, random.random() < 0.5)
        case 5:
            machine.call(random.choices(list(Verdict), k=random.randint(1, 6)))
        case 6:
            machine.fail_and_wait(random.choice([0, 0, 0, 1]))
        case 7 if permit:
            machine.release(permit)
        case 8 if ticket:
            machine.leave(random.choice(ticket))
        case 9:
            machine.let_time_pass(random.choice([1, 1, 2, 3, LEASE, 9, 10, 11]))
        case 10 if random.random() < 0.3:
            machine.change_by_hand(random.choice(["postpone", "isolate", "restore"]), random.randint(-1, 4))
        case _:
            machine.take_and_return_tokens([random.random() < 0.5])


@pytest.mark.parametrize("seed", range(40))
def test_the_gate_and_the_reference_agree_at_the_end_of_a_long_story(seed):
    """Four hundred steps each: Hypothesis finds the short stories, and these the late ones."""
    random, machine = Random(seed), GateMachine()
    breaker = BreakerConfig(
        failure_rate=random.choice([0.25, 0.5, 0.55, 1.0]),
        min_calls=random.randint(2, 6),
        consecutive=random.choice([3, 5, 1000]),
        slow_after=random.choice([None, 1.0]),
        open=random.choice([1.0, 2.0]),
        max_open=8.0,
        probes=random.randint(1, 3),
    )
    limit = random.choice([None, 2, 3, 4])
    machine.start(random.choice([breaker] * 5 + [None]), limit, random.choice([0, 2, 20]), faulty=False)
    for _ in range(400):
        a_step(machine, random)
        machine.every_transition_is_heard_once_and_is_legal()
        machine.no_more_are_in_flight_than_there_are_slots_and_probes()
        machine.the_queue_is_served_in_order_and_only_where_there_is_no_slot()
        machine.tokens_are_between_none_and_ten()
    machine.teardown()


TestGateMachine = GateMachine.TestCase
TestGateMachine.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
