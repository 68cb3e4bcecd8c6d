"""Calls: a codec's method asked once, where it may raise nothing and reach for nothing."""

from collections.abc import Callable
from typing import Final, TypeVar

from resilient_infer.core.http import HttpResponse
from resilient_infer.core.payload import Payload
from resilient_infer.providers.base import Unfit
from resilient_infer.testing.provider_kit.watch import no_world

T = TypeVar("T")

_SHOWN: Final = 400
"""Characters that a finding quotes of what was given."""


def broken(what: str, given: str) -> AssertionError:
    """A finding: what a codec did, and on what."""
    return AssertionError(f"{what}\n  given {given if len(given) <= _SHOWN else given[:_SHOWN] + '…'}")


def asked(method: Callable[..., T], *arguments: object, given: str) -> T:
    """What a method gives for these arguments; `given` shows them.

    Raises:
        Unfit: Where `build` may.
        AssertionError: It raised anything else, or does I/O.
    """
    name = getattr(method, "__name__", repr(method))
    with no_world() as tried:
        try:
            value = method(*arguments)
        except Exception as error:
            if tried:
                raise broken(f"{name}() does I/O: {tried[0]}", given) from error
            if name == "build" and isinstance(error, Unfit):
                raise
            raise broken(f"{name}() raised {type(error).__name__}: {error}", given) from error
    if tried:
        raise broken(f"{name}() does I/O: {tried[0]}", given)
    return value


def payload_shown(payload: Payload) -> str:
    """A payload, for a finding."""
    said = payload.messages or payload.file or payload.inputs
    return f"{said!r} with {dict(payload.parameters)!r}"


def answer_shown(response: HttpResponse) -> str:
    """An answer, for a finding."""
    return f"status {response.status}, {dict(response.headers)!r}, body {response.body!r}"
