"""Fallback: where does a call go after a failure it does not repeat?

Pure. The split is by the scope of the fault: the request (stop), the
credential, model or provider (go on), the moment (go on; retry decides).
"""

from enum import Enum

from resilient_infer.core.outcome import Failure, Onward


class Step(Enum):
    """What is asked next."""

    NEXT_ROUTE = "next route"
    NEXT_TARGET = "next target"
    LARGER_TARGET = "next target with a larger context"
    STOP = "stop"


def onward(failure: Failure, *, safe: bool, refusal_fallback: bool, ambiguous: int) -> Step:
    """The next step after `failure`, if the route itself is not asked again.

    Args:
        safe: The task may be sent again although it may have been carried out.
        refusal_fallback: A refusal by a content filter may go to the next target.
        ambiguous: Failures of this call, this one included, after which the work may have been done.
            A task that is not safe is sent on after the first of them, and never after the second.
    """
    if failure.kind.ambiguous and not safe and ambiguous > 1:
        return Step.STOP
    match failure.kind.onward:
        case Onward.NEXT:
            return Step.NEXT_ROUTE
        case Onward.LARGER:
            return Step.LARGER_TARGET
        case Onward.PERMITTED:
            return Step.NEXT_TARGET if refusal_fallback else Step.STOP
        case Onward.STOP:
            return Step.STOP


def is_larger(context: int | None, than: int | None) -> bool:
    """Whether a target with `context` tokens may take what one with `than` could not (None: unknown)."""
    return context is None or than is None or context > than
