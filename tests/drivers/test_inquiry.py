"""Inquiry: the question of a call, put without one."""

from pathlib import Path

import pytest

from resilient_infer.assembly import Assembly
from resilient_infer.core.outcome import Failure, FailureKind, Success
from resilient_infer.drivers.inquiry import inquire
from resilient_infer.testing.sandbox import Fault, Hang, Kind, Refused, Sandbox, Status
from resilient_infer.transport.http_sync import HttpSync
from tests.models import CHAT, EMBEDDING

OTHER = "f" * 40


def asked(sandbox: Sandbox, folder: Path, model: str, timeout: float = 5.0) -> Success | Failure:
    """What the only server of the only alias says of itself."""
    sandbox.write(folder, {"it": model})
    assembly = Assembly.load(lockfiles=folder, environment=None, lock_mode=None, private_state=True)
    spec = assembly.alias_spec("it")
    transport = HttpSync()
    try:
        return inquire(spec, spec.targets[0].target, spec.targets[0].routes[0], transport, timeout)
    finally:
        transport.close()


@pytest.mark.parametrize(
    ("kind", "model"),
    [("tgi", CHAT), ("tei", EMBEDDING), ("vllm", CHAT), ("sglang", CHAT), ("llamacpp", CHAT)],
)
@pytest.mark.parametrize("reports", ["right", OTHER, "main", None])
def test_each_kind_of_server_is_asked_once_and_told_nothing(
    kind: Kind, model: str, reports: str | None, sandbox: Sandbox, tmp_path: Path, bare_environment: Path
) -> None:
    server = sandbox.serve(kind, name="ours", models=[model], reports=reports)
    outcome = asked(sandbox, tmp_path / "lockfiles", model)

    assert isinstance(outcome, Success)
    assert outcome.commit == {"right": server.models[model], OTHER: OTHER}.get(reports or "")
    assert [(request.method, request.raw) for request in server.requests] == [("GET", b"")]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Refused(), FailureKind.UNREACHABLE),
        (Hang(), FailureKind.TIMEOUT),
        (Status(code=500), FailureKind.SERVER_ERROR),
        (Status(code=401), FailureKind.UNAUTHORIZED),
    ],
    ids=["refused", "hang", "500", "401"],
)
def test_a_server_that_does_not_answer_is_a_failure_in_time(
    fault: Fault, kind: FailureKind, sandbox: Sandbox, tmp_path: Path, bare_environment: Path
) -> None:
    sandbox.serve("tei", name="ours", models=[EMBEDDING]).fail(fault)
    outcome = asked(sandbox, tmp_path / "lockfiles", EMBEDDING, timeout=0.3)

    assert isinstance(outcome, Failure)
    assert outcome.kind is kind
