"""Exit codes: each error has one."""

from collections.abc import Iterator

import pytest

from resilient_infer import errors
from resilient_infer.cli.exit_codes import ExitCode, exit_code
from resilient_infer.core.attempt import AttemptRecord
from resilient_infer.errors import CallError, ResilientInferError


def _record(status: int | None) -> AttemptRecord:
    return AttemptRecord(
        number=1,
        model=None,
        revision=None,
        route="a:b",
        outcome="x",
        reason="",
        started=0.0,
        elapsed=0.1,
        status=status,
    )


def _call_errors(kind: type[CallError] = CallError) -> Iterator[type[CallError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _call_errors(child)


@pytest.mark.parametrize(
    ("kind", "answered", "silent"),
    [
        (errors.PayloadRefused, 1, 2),
        (errors.AuthFailed, 1, 2),
        (errors.AllTargetsFailed, 1, 3),
        (errors.NotAdmitted, 3, 3),
        (errors.DeadlineExceeded, 3, 3),
        (errors.CallError, 3, 3),
    ],
)
def test_the_code_of_a_failed_call_says_whether_a_server_answered(
    kind: type[CallError], answered: int, silent: int
) -> None:
    """1: servers were asked and said no; 2: what was given cannot be used; 3: it could not be told."""
    assert exit_code(kind("x", attempts=(_record(None), _record(503)))) == answered
    assert exit_code(kind("x", attempts=(_record(None),))) == silent
    assert exit_code(kind("x")) == silent


@pytest.mark.parametrize(
    "error",
    [errors.ConfigError("x"), errors.AliasNotLocked("x"), errors.StaleLock("x"), errors.ProviderError("x")],
)
def test_what_is_wrong_before_a_call_is_2(error: ResilientInferError) -> None:
    """2 is for arguments, manifest, lock and payload."""
    assert exit_code(error) is ExitCode.UNUSABLE


def test_no_failed_call_ever_counts_as_success() -> None:
    """A command that brought no answer never exits 0, whatever new errors there will be."""
    for kind in _call_errors():
        for attempts in ((), (_record(None),), (_record(200),)):
            assert exit_code(kind("x", attempts=attempts)) in (1, 2, 3)
