"""One gate per route and settings, one per credential, and new ones in a forked child (CB16, TS2)."""

import os
import signal
import threading
from dataclasses import replace

import pytest

from resilient_infer.core.gates import NotBefore, Permit, SkipReason
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint, Price, Route
from resilient_infer.policies.trip import BreakerConfig
from resilient_infer.state.gate import GateConfig
from resilient_infer.state.table import SHARED, GateTable
from tests.state.asking import LEASE, fail
from tests.state.listening import Ear

ENDPOINT = Endpoint(provider="groq", kind="openai", url="https://api.groq.com/openai/v1")
ROUTE = Route(endpoint=ENDPOINT, name="llama-3.1-8b")
CONFIG = GateConfig(breaker=BreakerConfig(), concurrency=None, retries=2)


def test_cb16_a_route_has_one_gate_whoever_asks():
    """Key = (endpoint URL, protocol, the provider's name for the model), never the alias."""
    table = GateTable()

    same = Route(endpoint=replace(ENDPOINT, provider="my-groq"), name="llama-3.1-8b", price=Price())
    assert table.route(ROUTE, CONFIG) is table.route(same, CONFIG)


@pytest.mark.parametrize(
    ("route", "config"),
    [
        (replace(ROUTE, name="llama-3.3-70b"), CONFIG),
        (replace(ROUTE, endpoint=replace(ENDPOINT, url="https://localhost/v1")), CONFIG),
        (replace(ROUTE, endpoint=replace(ENDPOINT, kind="hf-inference")), CONFIG),
        (ROUTE, replace(CONFIG, concurrency=8)),
        (ROUTE, replace(CONFIG, retries=3)),
        (ROUTE, replace(CONFIG, breaker=None)),
        (ROUTE, replace(CONFIG, breaker=BreakerConfig(probes=2))),
    ],
)
def test_cb16_another_route_or_other_settings_have_another_gate(route, config):
    """What one model's server does says nothing of another's, and settings are kept as configured."""
    table = GateTable()

    assert table.route(route, config) is not table.route(ROUTE, CONFIG)


def test_cb16_a_credential_has_a_gate_of_its_own_at_each_host():
    """A second one per credential for 401/402/quota; a changed token is another credential."""
    table = GateTable()
    gate = table.credential("api.groq.com", Secret("a"))

    assert gate is table.credential("api.groq.com", Secret("a"))
    assert gate is not table.credential("api.groq.com", Secret("b"))
    assert gate is not table.credential("api.openai.com", Secret("a"))
    gate.postpone(300.0, SkipReason.BARRED, "HTTP 401")
    assert table.credential("api.groq.com", Secret("a")).ask(299.0) is not None
    assert table.credential("api.groq.com", Secret("b")).ask(299.0) is None


def test_a_gates_circuit_bears_the_routes_name_and_the_tables_jitter():
    """Listeners tell circuits apart by provider and name."""
    ear, gate = Ear(), GateTable(jitter=lambda: 1.0).route(ROUTE, CONFIG)
    names = []
    ear.state_change = lambda cb, old_state, new_state: names.append(cb.name)
    gate.add_listener(ear)

    change = fail(gate, 5)
    assert change is not None
    assert change.until == pytest.approx(1.2)
    assert names == ["groq:llama-3.1-8b"]


def test_ts1_sixteen_threads_get_the_same_gate():
    """Made on first use, once."""
    table, gates, barrier = GateTable(), [], threading.Barrier(16)

    def work():
        barrier.wait(5.0)
        gates.append((table.route(ROUTE, CONFIG), table.credential("host", Secret("a"))))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5.0)
    assert len(gates) == 16
    assert len(set(gates)) == 1


def test_the_shared_table_is_one_for_the_process():
    """Clients share what they know of a server; `clear` forgets it."""
    table = GateTable()
    gate = table.route(ROUTE, CONFIG)
    table.clear()

    assert table.route(ROUTE, CONFIG) is not gate
    assert isinstance(SHARED, GateTable)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_ts2_a_forked_child_starts_with_an_empty_table_and_free_locks():
    """Locks held by other threads at the fork stay locked in the child for ever: it has new ones."""
    fail(SHARED.route(ROUTE, CONFIG), 5)
    with SHARED._lock:
        child = os.fork()
        if child == 0:  # no assert may unwind into pytest's copy, and a lock that stays shut must not hang
            signal.alarm(5)
            answer = SHARED.route(ROUTE, CONFIG).ask(0.5, lease=LEASE)
            os._exit(0 if isinstance(answer, Permit) else 1)
    status = os.waitpid(child, 0)[1]

    assert os.waitstatus_to_exitcode(status) == 0
    assert isinstance(SHARED.route(ROUTE, CONFIG).ask(0.5, lease=LEASE), NotBefore)
    SHARED.clear()
