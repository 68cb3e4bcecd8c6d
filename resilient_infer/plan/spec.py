"""Spec: everything one call needs to know before it starts. Made by `assembly.py`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from resilient_infer.core.events import Event
from resilient_infer.core.gates import Attestation, CredentialGate, Gate
from resilient_infer.core.payload import Payload
from resilient_infer.core.quick import quick
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Route, Target
from resilient_infer.core.task import Task
from resilient_infer.core.testimony import Identity
from resilient_infer.policies.retry import RetryConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """A route with what guards it.

    Attributes:
        credential_gate: Shared by all routes that use the same token; None if none is sent.
        attempt_timeout: Seconds one attempt may take; of a streamed answer, until its first piece.
        stall_timeout: Seconds without a further piece after which a streamed answer is broken off.
        unusable: Why the route cannot be asked at all, for example a variable that is not set; "" if it can.
        identity: How its server is asked which commit it runs; None: it cannot be.
        attestation: What the server said; there if and only if `identity` is.
    """

    route: Route
    gate: Gate
    credential_gate: CredentialGate | None
    secret: Secret | None
    attempt_timeout: float
    unusable: str = ""
    identity: Identity | None = None
    attestation: Attestation | None = None
    stall_timeout: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """A target with its routes, in balance order."""

    target: Target
    routes: tuple[RouteSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasSpec:
    """What is the same for every call of an alias.

    Attributes:
        deadline: Seconds for a whole call, unless the caller says otherwise.
        min_useful: Seconds; no attempt starts with less time left.
        refusal_fallback: A refusal by a content filter may go to the next target.
        refuse_mismatch: A server that runs another commit than the locked one is not asked, and its
            answer not taken; else it is, with a warning.
        restart: A streamed answer that was cut may be begun anew by the next route or target; else
            the call fails there.
    """

    alias: str
    task: Task
    targets: tuple[TargetSpec, ...]
    deadline: float
    min_useful: float
    retry: RetryConfig
    refusal_fallback: bool = False
    refuse_mismatch: bool = True
    restart: bool = True


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class CallSpec:
    """One call: an alias, a payload, the time it may take, and whether the answer comes piece by piece."""

    alias: AliasSpec
    call_id: str
    payload: Payload = field(repr=False)
    deadline: float
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Env:
    """What a plan may use of the world, as plain calls that neither wait nor fail.

    Attributes:
        jitter: A uniform number in [0, 1), independent for every call.
        emit: Tells the listeners; None if there are none, and then no event is made.
    """

    jitter: Callable[[], float]
    emit: Callable[[Event], None] | None = None
