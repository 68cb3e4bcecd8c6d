"""The gate under sixteen threads that switch every microsecond (BH1, CB1, CB6, RB3, TS1, TS3)."""

import asyncio
import sys
import threading
import time
from collections import Counter
from functools import partial
from random import Random

import pybreaker
import pytest

from resilient_infer.core.gates import NotBefore, Permit
from resilient_infer.core.outcome import Verdict
from resilient_infer.policies.trip import BreakerConfig
from tests.state.asking import LEASE, admitted, fail, gate, refused
from tests.state.listening import LEGAL, Ear

THREADS = 16
ROUNDS = 300


@pytest.fixture(autouse=True)
def eager_switching():
    """Threads change places between almost any two bytecodes."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def hammer(work):
    """Run `work(number)` in sixteen threads that start together; what any of them raises is raised."""
    barrier, errors = threading.Barrier(THREADS), []

    def run(number):
        try:
            barrier.wait(5.0)
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


class Meter:
    """Counts who is inside, with a lock of its own, and remembers the most there ever were."""

    def __init__(self):
        self._lock = threading.Lock()
        self.inside = self.most = 0

    def __enter__(self):
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *exception):
        with self._lock:
            self.inside -= 1


def test_bh1_no_interleaving_exceeds_the_limit():
    """In-flight <= limit at all times (stress with barrier), through slots, tickets and abandoned places."""
    limit, asked, meter = 5, gate(None, concurrency=5), Meter()
    answers = Counter()

    def work(number):
        random = Random(number)
        for _ in range(ROUNDS):
            answer = asked.ask(0.0, lease=LEASE)
            if not isinstance(answer, Permit) and answer.ticket is not None:
                answers["queued"] += 1
                woken = threading.Event()
                answer.ticket.notify(woken.set)
                if random.random() < 0.2 or not woken.wait(5.0):
                    asked.leave(answer.ticket)
                    continue
                answer = asked.ask(0.0, lease=LEASE, ticket=answer.ticket)
                assert isinstance(answer, Permit)
            if isinstance(answer, Permit):
                with meter:
                    time.sleep(0)  # let another thread run
                asked.settle(answer, random.choice(list(Verdict)), 0.0, elapsed=0.1, clean=True)

    hammer(work)
    assert 1 < meter.most <= limit
    assert answers["queued"] > 0
    for _ in range(limit):  # nothing leaked
        admitted(asked)
    refused(asked)


def test_cb6_no_interleaving_exceeds_the_quota_of_probes():
    """In-flight probes <= quota at every instant under any interleaving; ROUNDS times half-open."""
    quota, asked, meter, ear = 2, gate(BreakerConfig(probes=2, open=1.0, max_open=1.0)), Meter(), Ear()
    asked.add_listener(ear)
    fail(asked, 5)
    barrier, permits = threading.Barrier(THREADS), []

    def work(number):
        for turn in range(1, ROUNDS // 3):
            now = turn * 10.0
            permit = asked.ask(now, lease=LEASE)
            if isinstance(permit, Permit):
                assert permit.probe
                permits.append(permit)
                with meter:
                    barrier.wait(5.0)
                asked.settle(permit, Verdict.FAILURE, now, elapsed=0.1, clean=False)
            else:
                barrier.wait(5.0)
            barrier.wait(5.0)  # the circuit is open again

    hammer(work)
    assert meter.most == quota
    assert len(permits) == quota * (ROUNDS // 3 - 1)
    ear.assert_legal(LEGAL)
    assert Counter(ear.changes)["open", "half-open"] == ROUNDS // 3 - 1


def test_cb1_every_transition_is_heard_once_and_in_a_legal_order():
    """One event each, told after the one before it, by whichever thread; nobody hears two at a time."""
    asked, ear, meter = gate(BreakerConfig(consecutive=1, open=1.0, max_open=1.0)), Ear(), Meter()
    changes = []

    class Busy(pybreaker.CircuitBreakerListener):
        def state_change(self, cb, old_state, new_state):
            with meter:
                time.sleep(0)  # let another thread run
                asked.take_token()
                asked.return_token()

    asked.add_listener(Busy())
    asked.add_listener(ear)

    def work(number):
        random = Random(number)
        for turn in range(ROUNDS):
            permit = asked.ask(turn * 2.0, lease=1e9)
            if isinstance(permit, Permit):
                verdict = random.choice([Verdict.FAILURE, Verdict.SUCCESS])
                change = asked.settle(permit, verdict, turn * 2.0, elapsed=0.1, clean=False)
                changes.extend(each for each in (permit.change, change) if each is not None)

    hammer(work)
    assert len(ear.changes) > 100
    ear.assert_legal(LEGAL)
    assert meter.most == 1
    assert Counter(ear.changes) == Counter((change.old.value, change.new.value) for change in changes)


class Slow(int):
    """A number of tokens that lets other threads run between the look at it and the change."""

    def __ge__(self, other):
        enough = int(self) >= other
        time.sleep(0.0001)
        return enough

    def __sub__(self, other):
        return Slow(int(self) - other)


def test_rb3_the_check_and_the_taking_are_one_step():
    """Acquire is atomic: check-then-take on its own overshoots."""
    asked, taken = gate(retries=10), []
    asked._tokens = Slow(asked._tokens)

    def work(number):
        taken.extend(True for _ in range(2) if asked.take_token())

    hammer(work)
    assert len(taken) == 10


def test_rb3_no_token_is_lost_between_taking_and_returning():
    """What is taken and what is left are ten, whoever took and returned in between."""
    asked, taken = gate(retries=10), []

    def work(number):
        for _ in range(ROUNDS):
            if asked.take_token():
                taken.append(number)
                if number % 2:
                    asked.return_token()
                    taken.remove(number)

    hammer(work)
    while asked.take_token():
        taken.append(-1)
    assert len(taken) == 10


def test_co2_no_settlement_is_lost_or_counted_twice():
    """A permit that two threads give back at once is given back once: a tenth of a token each."""
    asked = gate(None, retries=0)
    permits = [admitted(asked) for _ in range(50)]

    def work(number):
        for permit in permits:
            asked.settle(permit, Verdict.SUCCESS, 0.0, elapsed=0.1, clean=True)
            asked.release(permit)

    hammer(work)
    assert [asked.take_token() for _ in range(6)] == [True] * 5 + [False]


def test_ts3_one_gate_serves_threads_and_event_loops_at_once():
    """No asyncio.Lock in shared state: a task is woken by a thread, a thread by a task of another loop."""
    asked, meter, served = gate(None, concurrency=2), Meter(), []

    async def task(loop):
        ticket = None
        while isinstance(answer := asked.ask(0.0, lease=LEASE, ticket=ticket), NotBefore):
            ticket = answer.ticket
            if ticket is None:  # not even a place in the queue
                await asyncio.sleep(0)
                continue
            woken = asyncio.Event()
            ticket.notify(partial(loop.call_soon_threadsafe, woken.set))
            await asyncio.wait_for(woken.wait(), 5.0)
        with meter:
            await asyncio.sleep(0)
        asked.release(answer)
        served.append("task")

    def thread():
        ticket = None
        while isinstance(answer := asked.ask(0.0, lease=LEASE, ticket=ticket), NotBefore):
            ticket = answer.ticket
            if ticket is None:
                time.sleep(0)
                continue
            woken = threading.Event()
            ticket.notify(woken.set)
            assert woken.wait(5.0)
        with meter:
            time.sleep(0)
        asked.release(answer)
        served.append("thread")

    async def tasks():
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(task(loop) for _ in range(20)))

    def work(number):
        if number < 4:
            asyncio.run(tasks())
        else:
            for _ in range(20):
                thread()

    hammer(work)
    assert Counter(served) == {"task": 4 * 20, "thread": 12 * 20}
    assert meter.most <= 2
