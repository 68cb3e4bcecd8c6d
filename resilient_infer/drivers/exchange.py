"""Exchange: one attempt put in words, and what came back read as an `Outcome`.

Shared by the drivers; between `build` and `read` each of them sends with its
own transport. Neither raises for what a server or a network does.
"""

from dataclasses import replace
from urllib.parse import urlsplit

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse, Reception, TransportFault
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint
from resilient_infer.core.testimony import Identity, Limits
from resilient_infer.errors import ProviderError
from resilient_infer.policies.pinning import commit_in
from resilient_infer.providers.base import Attesting, Codec, Reader, Streaming, Unfit
from resilient_infer.providers.error_body import one_line
from resilient_infer.providers.failure import from_fault, received
from resilient_infer.providers.registry import codec_for


def build(attempt: Attempt) -> HttpRequest | Failure:
    """The request for an attempt, or an UNFIT failure if its route cannot take the payload.

    Raises:
        ProviderError: There is no codec for the route, or it broke its contract.
    """
    if attempt.identity is not None:
        return attempt.identity.request
    crowded = _beyond_limits(attempt)
    if crowded:
        return Failure(kind=FailureKind.UNFIT, reason=crowded)
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
        return from_fault(reception, safe=attempt.safe or attempt.identity is not None)
    codec = _codec(attempt)
    if attempt.identity is not None:
        return _read_identity(attempt, reception, codec)
    try:
        outcome = codec.parse(attempt, reception)
    except Exception as error:
        raise _broken(codec, f"parse() raised {type(error).__name__}") from None
    return _checked(outcome, codec, "parse()")


def identity_of(codec: Codec, endpoint: Endpoint, secret: Secret | None) -> Identity | None:
    """How a server is asked which commit it runs; None: it cannot be.

    Raises:
        ProviderError: The codec broke its contract.
    """
    if not isinstance(codec, Attesting):
        return None
    try:
        request = codec.identity(endpoint, secret)
    except Exception as error:
        raise _broken(codec, f"identity() raised {type(error).__name__}") from None
    if request is None:
        return None
    if not isinstance(request, HttpRequest):
        raise _broken(codec, f"identity() gave {type(request).__name__}")
    elsewhere = urlsplit(request.url).netloc != urlsplit(endpoint.url).netloc
    return Identity(request=request, elsewhere=elsewhere)


def reader(attempt: Attempt, head: HttpResponse) -> Reader:
    """What reads the streamed answer that begins with `head`.

    Raises:
        ProviderError: The codec broke its contract.
    """
    codec = _codec(attempt)
    if not isinstance(codec, Streaming):
        raise _broken(codec, "it was asked to read a stream, and reads none")
    try:
        return codec.reader(attempt, head)
    except Exception as error:
        raise _broken(codec, f"reader() raised {type(error).__name__}") from None


def unfed(attempt: Attempt, error: Exception) -> ProviderError:
    """What the codec broke whose reader raised this for the bytes it was given."""
    return _broken(_codec(attempt), f"its reader's feed() raised {type(error).__name__}")


def over(attempt: Attempt, outcome: Outcome) -> Outcome:
    """What a streamed answer came to by the word of its reader, before its bytes have ended.

    Raises:
        ProviderError: The codec broke its contract.
    """
    return _checked(outcome, _codec(attempt), "its reader")


def ended(attempt: Attempt, reader: Reader, fault: TransportFault | None) -> Outcome:
    """What a streamed answer came to, of which no more follows.

    Raises:
        ProviderError: The codec broke its contract.
    """
    codec = _codec(attempt)
    try:
        outcome = reader.end(fault)
    except Exception as error:
        raise _broken(codec, f"its reader's end() raised {type(error).__name__}") from None
    return _checked(outcome, codec, "its reader's end()")


def _codec(attempt: Attempt) -> Codec:
    return codec_for(attempt.route.endpoint.kind, attempt.task.name)


def _checked(outcome: object, codec: Codec, giver: str) -> Outcome:
    """An outcome, if it is one. Whatever a codec says, only a full commit counts."""
    if isinstance(outcome, Success) and outcome.commit is not None:
        return replace(outcome, commit=commit_in(outcome.commit))
    if not isinstance(outcome, Success | Failure):
        raise _broken(codec, f"{giver} gave {type(outcome).__name__}")
    return outcome


def _read_identity(attempt: Attempt, response: HttpResponse, codec: Codec) -> Outcome:
    body = received(response, attempt.secret)
    if isinstance(body, Failure):
        return body
    assert isinstance(codec, Attesting)
    try:
        commit, limits = codec.reported_commit(attempt, body), codec.limits(body)
    except Exception as error:
        raise _broken(codec, f"reading its identity raised {type(error).__name__}") from None
    if not isinstance(limits, Limits):
        raise _broken(codec, f"limits() gave {type(limits).__name__}")
    return Success(output=None, raw=body, commit=commit_in(commit), limits=limits)


def _beyond_limits(attempt: Attempt) -> str:
    """Why the server would refuse so many inputs in one request, by its own word; "" if it would not."""
    most = None if attempt.testimony is None else attempt.testimony.limits.inputs
    inputs = attempt.payload.inputs
    if most is None or not isinstance(inputs, list) or len(inputs) <= most:
        return ""
    return f"{len(inputs)} inputs, where the server takes {most} in one request"


def _broken(codec: Codec, what: str) -> ProviderError:
    # Only types: a message may quote the payload or the answer.
    return ProviderError(
        f"the codec for kind {codec.kind!r} broke its contract: {what}",
        hint="report it to the plug-in's author; resilient_infer.testing.provider_kit shows it",
    )
