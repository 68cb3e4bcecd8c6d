"""Refusals, told as stories: too long, filtered, not allowed, not paid for."""

from dataclasses import replace

import pytest

from resilient_infer.core.gates import SkipReason
from resilient_infer.core.outcome import LONG_BAR
from resilient_infer.errors import (
    AllTargetsFailed,
    AuthFailed,
    NotAdmitted,
    PayloadRefused,
)
from resilient_infer.policies.trip import BreakerConfig
from tests.scenarios.stage import (
    BAD_REQUEST,
    FILTERED,
    MISSING,
    NO_CREDITS,
    OK,
    REFUSED,
    TOO_LONG,
    UNAUTHORIZED,
    Play,
    Reaction,
    Stage,
)

TOUCHY = BreakerConfig(consecutive=1)
"""Opens at the first failure, so that one attempt shows what it heard."""


def status(number: int, body: str = "{}") -> Reaction:
    return Reaction(status=number, body=body)


def test_too_long_goes_to_the_next_target_with_a_larger_context_or_one_unknown(play: Play) -> None:
    """Targets that are no larger are passed over for the rest of the call."""
    targets = (("a",), ("b",), ("c",), ("d",))
    stage = Stage(targets=targets, contexts=(4096, 2048, 4096, 8192))
    unknown = Stage(targets=targets, contexts=(4096, 2048, None, 8192))

    assert play(stage, {"a": [TOO_LONG], "d": [OK]}).order == "ad"
    assert play(unknown, {"a": [TOO_LONG], "c": [OK]}).order == "ac"


def test_too_long_for_every_context_is_the_request_s_fault(play: Play) -> None:
    """No larger target is left: the call stops, whichever siblings the route has."""
    small = Stage(targets=(("a", "b"), ("c",)), contexts=(4096, 4096))

    told = play(small, {"a": [TOO_LONG], "b": [OK], "c": [OK]})
    growing = play(Stage(contexts=(4096, 8192)), {"a": [TOO_LONG], "b": [TOO_LONG]})

    assert told.order == "a"
    assert type(told.error) is PayloadRefused
    assert growing.order == "ab"
    assert type(growing.error) is PayloadRefused


def test_too_long_is_a_refusal_though_a_sibling_is_closed_for_now(play: Play) -> None:
    """The sibling serves the same model: no other moment would help the payload."""
    stage = Stage(targets=(("a", "b"),), breaker=TOUCHY, retries=0)
    play(stage, {"a": [REFUSED], "b": [OK]})

    told = play(stage, {"a": [OK], "b": [TOO_LONG]}, at=0.5)

    assert told.order == "b"
    assert type(told.error) is PayloadRefused


def test_too_long_is_no_refusal_while_a_larger_target_is_only_closed_for_now(play: Play) -> None:
    """The payload is not to blame when the target that could take it has an open circuit."""
    stage = Stage(contexts=(4096, 8192), breaker=TOUCHY, retries=0)
    play(stage, {"a": [OK, TOO_LONG], "b": [REFUSED]})
    play(stage, {"a": [TOO_LONG], "b": [REFUSED]}, at=1.0)

    told = play(stage, {"a": [TOO_LONG], "b": [OK]}, at=1.2)

    assert told.order == "a"
    assert type(told.error) is AllTargetsFailed
    assert told.error.retry_after is not None
    assert "may not be asked now" in str(told.error)


def test_fb2_a_fault_of_the_request_is_its_fault_though_the_first_target_was_closed(play: Play) -> None:
    """And no moment that has passed is offered for another try."""
    stage = Stage()
    stage.route("a").gate.postpone(3.0, SkipReason.ADVISED, "slow down")

    told = play(stage, {"a": [OK], "b": [replace(BAD_REQUEST, seconds=5.0)]})

    assert told.order == "b"
    assert type(told.error) is PayloadRefused
    assert told.error.retry_after is None


def test_a_content_filter_ends_the_call_unless_the_policy_permits_the_next_target(play: Play) -> None:
    """`refusal_fallback` decides; siblings of the route share its filter and are not asked."""
    targets = (("a", "b"), ("c",))
    script = {"a": [FILTERED], "b": [OK], "c": [OK]}

    strict = play(Stage(targets=targets), script)
    loose = play(Stage(targets=targets, refusal_fallback=True), script)
    everywhere = play(Stage(refusal_fallback=True), {"a": [FILTERED], "b": [FILTERED]})

    assert strict.order == "a"
    assert type(strict.error) is PayloadRefused
    assert loose.order == "ac"
    assert type(everywhere.error) is PayloadRefused


def test_a_refused_credential_closes_every_route_that_uses_it(play: Play) -> None:
    """401: only with another credential; the shared one is left alone for long, by other calls too."""
    stage = Stage(
        targets=(("a", "b"), ("c",)), route_key=lambda name: {"a": "k1", "b": "k1", "c": "k2"}[name]
    )

    told = play(stage, {"a": [UNAUTHORIZED], "b": [OK], "c": [OK]})
    soon = play(stage, {"a": [OK], "b": [OK], "c": [OK]}, at=LONG_BAR - 1.0)
    late = play(stage, {"a": [OK]}, at=LONG_BAR + 1.0)

    assert told.order == "ac"
    assert soon.order == "c"
    assert late.order == "a"


@pytest.mark.parametrize("reaction", [UNAUTHORIZED, NO_CREDITS])
def test_a_barred_credential_fails_the_next_call_at_once(play: Play, reaction: Reaction) -> None:
    """Nothing is sent, and the error says when and why."""
    stage = Stage(targets=(("a",),), route_key=lambda name: "k1")
    first = play(stage, {"a": [reaction]})

    told = play(stage, {"a": [OK]}, at=5.0)

    assert first.order == "a"
    assert type(told.error) is NotAdmitted
    assert told.elapsed == 0.0
    assert told.error.retry_after == pytest.approx(LONG_BAR - 5.0 + 0.1)


def test_without_a_credential_the_route_itself_is_barred(play: Play) -> None:
    """A server that wants a token of a route that sends none closes this route alone."""
    stage = Stage(targets=(("a", "b"),))

    told = play(stage, {"a": [UNAUTHORIZED], "b": [OK]})
    again = play(stage, {"a": [OK], "b": [OK]}, at=5.0)

    assert told.order == "ab"
    assert again.order == "b"


def test_a_missing_model_bars_its_route_and_not_the_credential(play: Play) -> None:
    """404: this route for long; another model behind the same token is still asked."""
    stage = Stage(route_key=lambda name: "k1")

    told = play(stage, {"a": [MISSING], "b": [OK]})
    again = play(stage, {"a": [OK], "b": [OK]}, at=5.0)

    assert (told.order, again.order) == ("ab", "b")


def test_no_accepted_credential_is_an_error_of_its_own(play: Play) -> None:
    """Everyone who was asked said 401 or 403."""
    told = play(Stage(route_key=lambda name: name), {"a": [UNAUTHORIZED], "b": [status(403)]})

    assert type(told.error) is AuthFailed


def test_used_up_credits_say_so(play: Play) -> None:
    """402 is no question of waiting; the hint names it."""
    told = play(Stage(targets=(("a",),)), {"a": [NO_CREDITS]})

    assert type(told.error) is AllTargetsFailed
    assert "top up" in told.error.hint
