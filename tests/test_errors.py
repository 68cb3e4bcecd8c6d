"""The error tree: as drawn, picklable with all it knows, and without secrets."""

import copy
import inspect
import pickle
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer import errors
from resilient_infer.core.attempt import AttemptRecord
from resilient_infer.core.secret import Secret
from resilient_infer.errors import (
    AliasNotLocked,
    AllTargetsFailed,
    AttemptFailed,
    CallError,
    ConfigError,
    DeadlineExceeded,
    Problem,
    ResilientInferError,
)

RECORD = AttemptRecord(
    number=2,
    model="org/model",
    revision=None,
    route="hf:org/model",
    outcome="server error",
    reason="HTTP 503",
    started=0.1,
    elapsed=0.2,
    status=503,
    request_id="r-1",
    retry_after=20.0,
)
SKIPPED = replace(RECORD, number=0, outcome="skipped", reason="the circuit is open")
PROBLEM = Problem(file="models.yaml", line=3, column=5, path="models.chat", what="is no mapping")

TREE = {
    cls.__name__: cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, ResilientInferError)
}


def an_error(cls):
    """One of each class, with every attribute set."""
    if cls is AttemptFailed:
        return AttemptFailed(RECORD)
    if issubclass(cls, CallError):
        return cls(
            "chat: it failed",
            hint="try again",
            alias="chat",
            attempts=(SKIPPED, RECORD),
            elapsed=1.5,
            retry_after=20.0,
        )
    if issubclass(cls, ConfigError):
        return cls("models.yaml: 1 problem", problems=(PROBLEM,), hint="mend it")
    return cls("it failed", hint="try again")


def drawn():
    """(class, parent) as the docstring draws them; four characters of drawing are one level."""
    ancestry, pairs = [], []
    for line in errors.__doc__.splitlines():
        match = re.match(r" {4}((?:[│├└─ ]{3})*)([A-Z]\w+)", line)
        if match is None:
            continue
        level = len(match[1]) // 3
        ancestry[level:] = [match[2]]
        pairs.append((match[2], ancestry[level - 1] if level else "Exception"))
    return pairs


def test_the_tree_is_as_it_is_drawn():
    """Every class of the module is in its docstring, under its own parent, and no other is."""
    pairs = drawn()

    assert dict(pairs) == {name: cls.__base__.__name__ for name, cls in TREE.items()}
    assert len(pairs) == len(TREE)


@pytest.mark.parametrize("cls", TREE.values(), ids=TREE)
@pytest.mark.parametrize("again", [*(range(pickle.HIGHEST_PROTOCOL + 1)), copy.copy, copy.deepcopy])
def test_an_error_survives_pickle_and_copy_with_all_it_knows(cls, again):
    """A keyword-only `__init__` breaks pickle unless it is helped: the round trip, by every protocol."""
    error = an_error(cls)
    error.add_note("seen by a worker")
    twin = again(error) if callable(again) else pickle.loads(pickle.dumps(error, protocol=again))

    assert type(twin) is cls
    assert vars(twin) == vars(error)
    assert str(twin) == str(error)
    assert twin.args == error.args
    assert twin.__notes__ == ["seen by a worker"]


@pytest.mark.parametrize("cls", [AllTargetsFailed, DeadlineExceeded])
def test_fb3_the_last_real_failure_is_chained_in_another_process_too(cls):
    """`__cause__` is the last real answer; pickle by itself would lose it."""
    with pytest.raises(cls) as caught:
        raise an_error(cls) from AttemptFailed(RECORD)

    twin = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(twin.__cause__, AttemptFailed)
    assert twin.__cause__.record == RECORD
    assert twin.__suppress_context__


def test_a_cause_that_is_no_error_of_ours_does_not_break_pickle():
    """A stranger may not be picklable; it stays behind."""

    class Local(Exception):
        pass

    with pytest.raises(ConfigError) as caught:
        raise an_error(ConfigError) from Local()

    assert pickle.loads(pickle.dumps(caught.value)).__cause__ is None


@given(message=st.text(), hint=st.text())
def test_an_error_reads_as_what_happened_and_what_to_do(message, hint):
    """`what; hint`, or only what."""
    error = AliasNotLocked(message, hint=hint)

    assert str(error) == (f"{message}; {hint}" if hint else message)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_fb3_the_last_real_answer_is_never_a_skip():
    """`.last` is the last attempt that was made, and None where nothing was sent."""
    assert CallError("no", attempts=(RECORD, SKIPPED)).last is RECORD
    assert CallError("no", attempts=(SKIPPED,)).last is None
    assert CallError("no").last is None


def test_an_attempts_failure_names_route_kind_and_reason():
    """The chained cause is one line."""
    assert str(AttemptFailed(RECORD)) == "hf:org/model: server error: HTTP 503"


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (PROBLEM, "models.yaml:3:5: models.chat: is no mapping"),
        (replace(PROBLEM, column=0), "models.yaml:3: models.chat: is no mapping"),
        (replace(PROBLEM, line=0, column=0, path=""), "models.yaml: is no mapping"),
        (replace(PROBLEM, file="", line=0, column=0), "models.chat: is no mapping"),
    ],
)
def test_a_problem_says_where_it_is_in_the_form_that_editors_follow(problem, line):
    """file:line:column, as far as they are known."""
    assert str(problem) == line


@pytest.mark.parametrize("cls", TREE.values(), ids=TREE)
def test_a_secret_does_not_leave_the_process_with_an_error(cls):
    """Should one ever hang on an error, neither its text nor its pickle gives it away."""
    error = an_error(cls)
    error.secret = Secret("hf_tokentokentoken")

    assert "tokentoken" not in str(error) + repr(error)
    assert b"tokentoken" not in pickle.dumps(error)
