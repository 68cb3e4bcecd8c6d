"""Pins told truly: a server is asked which commit it runs before it sees a payload.

The routes are of kind "tei"; "a/info" is the question put to `a`, and the first target is locked to
`commit(0)`, the second to `commit(1)`.
"""

from dataclasses import replace

import pytest

from resilient_infer.core.events import AttemptFinished, PinMismatched, WaitStarted
from resilient_infer.core.target import Pin
from resilient_infer.errors import AllTargetsFailed, NotAdmitted, PayloadRefused, PinMismatch
from resilient_infer.policies.pinning import IDENTITY_TIMEOUT, KEPT
from resilient_infer.policies.trip import BreakerConfig
from tests.scenarios.stage import (
    HANG,
    MISSING,
    OK,
    REFUSED,
    SERVER_ERROR,
    STALE,
    UNAUTHORIZED,
    Play,
    Reaction,
    Script,
    Stage,
    commit,
    runs,
)

RIGHT, OTHER = runs(commit(0)), runs("f" * 40)
BODY = '[{"label": "POSITIVE", "score": 0.9}]'
FLAT = replace(OK, body=BODY)


def stage(**changes: object) -> Stage:
    """`a` and `b` attest; only what a story is about differs."""
    given = {"targets": (("a",), ("b",)), "kinds": {"a": "tei", "b": "tei"}} | changes
    return Stage(**given)  # type: ignore[arg-type]  # each story names fields of Stage


def script(**changes: list[Reaction]) -> Script:
    """Both servers run what they should, unless the story says otherwise."""
    usual = {"a": [FLAT], "b": [FLAT], "a/info": [RIGHT], "b/info": [runs(commit(1))]}
    return usual | {name.replace("_", "/"): reactions for name, reactions in changes.items()}


def test_a_server_is_asked_once_and_its_word_holds_for_a_minute(play: Play) -> None:
    scene = stage()
    first = play(scene, script())
    second = play(scene, script(), at=30.0)
    third = play(scene, script(), at=KEPT + 1)

    assert [name for name, _ in first.asked] == ["a/info", "a"]
    assert [name for name, _ in second.asked] == ["a"]
    assert [name for name, _ in third.asked] == ["a/info", "a"]
    for performance in (first, second, third):
        assert performance.result.pin is Pin.ATTESTED
        assert performance.result.served_revision == commit(0)
    assert [record.identity for record in first.result.attempts] == [True, False]
    assert [event.identity for event in first.told(AttemptFinished)] == [True, False]


@pytest.mark.parametrize("said", [None, "main", "f" * 39, "refs/pr/3", ""])
def test_null_a_branch_or_nothing_is_not_attested(play: Play, said: str | None) -> None:
    performance = play(stage(), script(a_info=[runs(said)]))
    assert performance.result.pin is Pin.DECLARED
    assert performance.result.served_revision is None


@pytest.mark.parametrize(
    "silence", [MISSING, UNAUTHORIZED, SERVER_ERROR, Reaction(body="<html>"), Reaction(body="7")]
)
def test_a_server_that_does_not_tell_gets_the_payload_and_no_claim(play: Play, silence: Reaction) -> None:
    performance = play(stage(), script(a_info=[silence]))
    assert [name for name, _ in performance.asked] == ["a/info", "a"]
    assert performance.result.pin is Pin.DECLARED


def test_a_hanging_question_costs_two_seconds_and_nothing_else(play: Play) -> None:
    performance = play(stage(), script(a_info=[HANG]))
    assert [name for name, _ in performance.asked] == ["a/info", "a"]
    assert performance.elapsed == pytest.approx(IDENTITY_TIMEOUT + FLAT.seconds)
    assert performance.result.pin is Pin.DECLARED


def test_a_hanging_question_leaves_half_of_a_short_deadline_to_the_payload(play: Play) -> None:
    performance = play(stage(targets=(("a",),)), script(a_info=[HANG]), deadline=1.0)
    assert performance.result.output
    assert performance.elapsed <= 1.0


def test_a_mismatch_refuses_the_route_before_the_payload_is_sent(play: Play) -> None:
    scene = stage()
    performance = play(scene, script(a_info=[OTHER]))

    assert [name for name, _ in performance.asked] == ["a/info", "b/info", "b"]
    assert performance.result.model == "org/b"
    assert performance.result.pin is Pin.ATTESTED
    assert "pinned to org/a@0000000 but the server runs @fffffff" in (performance.result.fallback or "")
    (event,) = performance.told(PinMismatched)
    assert (event.route, event.reported, event.refused) == ("server:a", "f" * 40, True)


def test_a_mismatch_is_remembered_for_a_minute_and_then_asked_again(play: Play) -> None:
    scene = stage()
    play(scene, script(a_info=[OTHER]))
    again = play(scene, script(a_info=[OTHER]), at=30.0)
    healed = play(scene, script(), at=KEPT + 30)

    assert [name for name, _ in again.asked] == ["b"]
    assert [event.reported for event in again.told(PinMismatched)] == ["f" * 40]
    assert [name for name, _ in healed.asked] == ["a/info", "a"]


def test_with_every_server_on_another_commit_the_error_says_so_and_nothing_was_sent(play: Play) -> None:
    performance = play(stage(), script(a_info=[OTHER], b_info=[OTHER]))

    assert isinstance(performance.error, PinMismatch)
    assert [name for name, _ in performance.asked] == ["a/info", "b/info"]
    assert "story: server:a: pin mismatch: pinned to org/a@0000000 but the server runs @fffffff" in str(
        performance.error
    )
    assert performance.error.retry_after == pytest.approx(KEPT, abs=1)


def test_a_mismatch_beside_a_dead_server_is_told_with_what_the_dead_one_said(play: Play) -> None:
    performance = play(stage(), script(a_info=[OTHER], b=[MISSING]))
    assert isinstance(performance.error, AllTargetsFailed)
    assert any(record.reason.startswith("pin mismatch") for record in performance.error.attempts)


def test_where_a_mismatch_is_let_pass_the_result_says_it(play: Play) -> None:
    performance = play(stage(refuse_mismatch=False), script(a_info=[OTHER]))

    assert [name for name, _ in performance.asked] == ["a/info", "a"]
    assert performance.result.pin is Pin.FLOATING
    assert performance.result.served_revision == "f" * 40
    assert performance.result.warnings == ("pinned to org/a@0000000 but the server runs @" + "f" * 40,)
    assert [event.refused for event in performance.told(PinMismatched)] == [False]


@pytest.mark.parametrize("failure", [SERVER_ERROR, REFUSED, HANG, Reaction(body="")])
def test_after_a_failure_the_server_is_asked_again(play: Play, failure: Reaction) -> None:
    """It may have been replaced by another one meanwhile."""
    scene = stage(targets=(("a",),))
    play(scene, script())
    performance = play(scene, script(a=[failure, FLAT], a_info=[OTHER]), at=10.0)

    assert "a/info" in [name for name, _ in performance.asked] or failure is HANG
    later = play(scene, script(a_info=[OTHER]), at=29.0)
    assert isinstance(later.ended, PinMismatch)


def test_after_a_stale_connection_the_server_is_asked_again(play: Play) -> None:
    scene = stage(targets=(("a",),))
    play(scene, script())
    performance = play(scene, script(a=[STALE, FLAT], a_info=[OTHER]), at=10.0)

    assert [name for name, _ in performance.asked] == ["a", "a/info"]
    assert isinstance(performance.error, PinMismatch)


def test_a_question_that_reaches_nobody_is_the_attempts_own_failure(play: Play) -> None:
    """A dead server is not asked twice as often because it could have attested."""
    performance = play(stage(), script(a_info=[REFUSED], a=[FLAT]))

    assert [name for name, _ in performance.asked] == ["a/info"] * 3 + ["b/info", "b"]
    assert [record.outcome for record in performance.result.attempts[:3]] == ["unreachable"] * 3


def test_an_open_circuit_is_not_asked_for_its_commit(play: Play) -> None:
    scene = stage(targets=(("a",),), breaker=BreakerConfig(consecutive=1), retries=0)
    play(scene, script(a=[SERVER_ERROR]))
    performance = play(scene, script(), at=0.5)

    assert isinstance(performance.error, NotAdmitted)
    assert performance.asked == []
    assert play(scene, script(), at=20.0).result.pin is Pin.ATTESTED


def test_a_list_longer_than_the_server_takes_goes_elsewhere(play: Play) -> None:
    info = replace(RIGHT, body='{"model_sha": "%s", "max_client_batch_size": 2}' % commit(0))  # noqa: UP031
    scene = stage()
    scene.payload = replace(scene.payload, inputs=["x", "y", "z"])
    three = replace(OK, body="[[{0}], [{0}], [{0}]]".format('{"label": "POSITIVE", "score": 0.9}'))

    performance = play(scene, script(a_info=[info], b=[three]))

    assert [name for name, _ in performance.asked] == ["a/info", "b/info", "b"]
    assert "takes 2 in one request" in (performance.result.fallback or "")
    alone = stage(targets=(("a",),))
    alone.payload = scene.payload
    assert isinstance(play(alone, script(a_info=[info])).ended, PayloadRefused)


def test_a_call_that_finds_another_one_asking_waits_for_what_it_learns(play: Play) -> None:
    """Nobody else asks meanwhile, and nobody sends a payload that might be refused."""
    scene = stage(targets=(("a",),))
    attestation = scene.route("a").attestation
    assert attestation is not None
    assert attestation.ask(0.0, lease=100.0) is None

    performance = play(scene, script())

    (wait,) = performance.told(WaitStarted)
    assert wait.seconds <= IDENTITY_TIMEOUT + 1
    assert [name for name, _ in performance.asked] == ["a"], "it went on without: the other never answered"
    assert performance.result.pin is Pin.DECLARED


def test_every_right_and_permit_is_given_back(play: Play) -> None:
    """Whatever ended the call, the next one may ask and send."""
    for reactions in (script(), script(a_info=[OTHER]), script(a_info=[HANG]), script(a_info=[REFUSED])):
        scene = stage(targets=(("a",),), concurrency=1)
        play(scene, reactions)
        attestation = scene.route("a").attestation
        assert attestation is not None
        attestation.forget()
        assert attestation.ask(1000.0, lease=1.0) is None
        assert attestation.known(1000.0) is None
        attestation.leave()
        assert play(scene, script(), at=1000.0).result.pin is Pin.ATTESTED


def test_labels_come_out_in_the_words_of_the_alias(play: Play) -> None:
    performance = play(stage(labels={"POSITIVE": "good", "NEGATIVE": "bad"}), script())
    assert performance.result.output == [{"label": "good", "score": 0.9}]


def test_a_label_that_the_map_does_not_know_is_no_answer(play: Play) -> None:
    performance = play(stage(labels={"LABEL_0": "bad"}), script())
    assert isinstance(performance.error, AllTargetsFailed)
    assert {
        record.outcome for record in performance.error.attempts if record.number and not record.identity
    } == {"wrong shape"}


def test_a_vector_of_another_length_than_the_locked_one_is_no_answer(play: Play) -> None:
    vector = replace(OK, body="[[0.5, 0.5]]")
    right, wrong = (
        stage(task="feature-extraction", dimension=2),
        stage(task="feature-extraction", dimension=3),
    )
    assert play(right, script(a=[vector])).result.output == [0.5, 0.5]
    assert isinstance(play(wrong, script(a=[vector], b=[vector])).ended, AllTargetsFailed)
