"""Exchange: one attempt put in words, and what came back read as an `Outcome`.

Shared by the drivers; between `build` and `read` each of them sends with its
own transport. Neither raises for what a server or a network does.
"""

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, Reception, TransportFault
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.errors import ProviderError
from resilient_infer.providers.base import Codec, Unfit
from resilient_infer.providers.error_body import one_line
from resilient_infer.providers.failure import from_fault
from resilient_infer.providers.registry import codec_for


def build(attempt: Attempt) -> HttpRequest | Failure:
    """The request for an attempt, or an UNFIT failure if its route cannot express the payload.

    Raises:
        ProviderError: There is no codec for the route, or it broke its contract.
    """
    codec = _codec(attempt)
    try:
        request = codec.build(attempt)
    except Unfit as unfit:
        return Failure(kind=FailureKind.UNFIT, reason=one_line(str(unfit), attempt.secret))
    except Exception as error:
        raise _broken(codec, f"build() raised {type(error).__name__}") from None
    if not isinstance(request, HttpRequest):
        raise _broken(codec, f"build() gave {type(request).__name__}")
    return request


def read(attempt: Attempt, reception: Reception) -> Outcome:
    """What an attempt came to.

    Raises:
        ProviderError: The codec broke its contract.
    """
    if isinstance(reception, TransportFault):
        return from_fault(reception, safe=attempt.safe)
    codec = _codec(attempt)
    try:
        outcome = codec.parse(attempt, reception)
    except Exception as error:
        raise _broken(codec, f"parse() raised {type(error).__name__}") from None
    if not isinstance(outcome, Success | Failure):
        raise _broken(codec, f"parse() gave {type(outcome).__name__}")
    return outcome


def _codec(attempt: Attempt) -> Codec:
    return codec_for(attempt.route.endpoint.kind, attempt.task.name)


def _broken(codec: Codec, what: str) -> ProviderError:
    # Only types: a message may quote the payload or the answer.
    return ProviderError(
        f"the codec for kind {codec.kind!r} broke its contract: {what}",
        hint="report it to the plug-in's author; resilient_infer.testing has a kit that shows it",
    )
