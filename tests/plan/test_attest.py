"""What holds for every question about a commit, whatever the servers say and however many calls there are."""

from hypothesis import given, settings
from hypothesis import strategies as st

from resilient_infer.core.events import AttemptFinished, AttemptStarted, WaitStarted
from resilient_infer.core.target import Pin
from resilient_infer.policies.pinning import IDENTITY_TIMEOUT, KEPT
from tests.plan.scripts import Drama, dramas
from tests.plan.witness import Moment, What, Witness, started
from tests.scenarios.stage import commit

ROUNDING = 1e-6

casts = st.lists(st.sampled_from((0.0, 0.005, 0.3, 4.0, 20.0, 59.0, 61.0, 130.0)), min_size=1, max_size=5)
attesting = dramas().filter(lambda drama: any(name.endswith("/info") for name in drama.script))


def word(past: list[Moment], now: float) -> Moment | None:
    """What a server is known to have said last, if it still holds."""
    for moment in past:
        if moment.what is What.FAILED or now - moment.at >= KEPT - ROUNDING:
            return None
        if moment.what is What.SAID:
            return moment
    return None


@given(drama=attesting, starts=casts)
def test_no_payload_goes_to_a_server_known_to_run_another_commit(drama: Drama, starts: list[float]) -> None:
    """Unless the alias lets a mismatch pass with a warning."""
    witness = Witness(drama, starts)
    for position, moment in enumerate(witness.moments):
        if moment.what is not What.SENT or not drama.refuse_mismatch:
            continue
        said = word(witness.before(position), moment.at)
        assert said is None or said.commit in (None, commit(drama.target_of(moment.route)))


@settings(max_examples=400)  # a failure between two payloads in one minute is rare
@given(drama=attesting, starts=casts)
def test_a_pin_never_claims_more_than_was_reported_and_compared(drama: Drama, starts: list[float]) -> None:
    """Attested: the server said so, less than a minute before the payload and with no failure since."""
    for result, past in Witness(drama, starts).answered():
        sent = next(moment.at for moment in past if moment.what is What.SENT)
        said = word(past, sent)
        reported = None if said is None else said.commit
        if result.served_revision is not None:
            assert reported == result.served_revision
        attested = result.revision == result.served_revision
        mismatched = result.served_revision is not None and not attested
        assert result.pin is (Pin.ATTESTED if attested else Pin.FLOATING if mismatched else Pin.DECLARED)
        assert mismatched <= (not drama.refuse_mismatch)
        assert mismatched == any("but the server runs" in warning for warning in result.warnings)


@given(drama=attesting, starts=casts)
def test_one_question_at_a_time_and_one_a_minute(drama: Drama, starts: list[float]) -> None:
    """At most, for each server, unless its route failed in between."""
    witness = Witness(drama, starts)
    for position, moment in enumerate(witness.moments):
        if moment.what is not What.ASKED:
            continue
        for earlier in witness.before(position):
            if earlier.what is What.FAILED:
                break
            assert earlier.what is not What.ASKED or moment.at - earlier.at >= KEPT - ROUNDING
            if earlier.what is What.SAID:
                assert moment.at - earlier.at >= KEPT - ROUNDING


@given(drama=attesting, starts=casts)
def test_whatever_was_taken_is_given_back_when_the_calls_are_over(drama: Drama, starts: list[float]) -> None:
    """The right to ask, permits and places in queues."""
    witness = Witness(drama, starts)

    assert all(call.ended is not None for call in witness.calls)
    assert not any(gate.permits or gate.tickets for gate in witness.gates.values())
    assert not any(attestation.rights for attestation in witness.attestations.values())
    assert all(call.ended_at <= call.began + drama.deadline + ROUNDING for call in witness.calls)


@given(drama=attesting, starts=casts)
def test_a_question_leaves_the_payload_half_of_the_time(drama: Drama, starts: list[float]) -> None:
    """So does waiting for another call's; and once it is answered the payload is sent or refused."""
    for events in Witness(drama, starts).told.values():
        for question, following in started(events):
            assert question.timeout <= min(IDENTITY_TIMEOUT, (drama.deadline - question.at) / 2) + ROUNDING
            end = next(
                event
                for event in events
                if isinstance(event, AttemptFinished) and event.number == question.number
            )
            assert end.elapsed <= question.timeout + ROUNDING
            if isinstance(following, AttemptStarted) and not following.identity:
                left = drama.deadline - following.at
                assert following.timeout >= question.timeout - ROUNDING
                assert left >= (drama.deadline - question.at) / 2 - ROUNDING
            assert not end.identity or type(following).__name__ in (
                *("AttemptStarted", "PinMismatched", "RouteSkipped"),
            )
        for wait in events:
            if isinstance(wait, WaitStarted) and wait.reason.startswith("until another call has asked"):
                assert wait.seconds <= (drama.deadline - wait.at) / 2 + ROUNDING
