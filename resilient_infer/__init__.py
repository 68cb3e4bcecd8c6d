"""Call machine-learning models by the version that was tested, through providers that fail.

>>> from resilient_infer import call
>>> call("sentiment", {"inputs": "I love it"}).output
"""

from typing import TYPE_CHECKING

from resilient_infer.errors import (
    AliasNotLocked,
    AllTargetsFailed,
    AuthFailed,
    CallError,
    ConfigError,
    DeadlineExceeded,
    LockError,
    NotAdmitted,
    PayloadRefused,
    PinMismatch,
    ProviderError,
    ResilientInferError,
    StaleLock,
    StreamInterrupted,
)

if TYPE_CHECKING:
    from resilient_infer.aclient import AsyncClient, acall, astream
    from resilient_infer.client import Client, call, stream
    from resilient_infer.core.result import Result
    from resilient_infer.core.stream import Delta, Finished, Restarted

__all__ = [
    "AliasNotLocked",
    "AllTargetsFailed",
    "AsyncClient",
    "AuthFailed",
    "CallError",
    "Client",
    "ConfigError",
    "DeadlineExceeded",
    "Delta",
    "Finished",
    "LockError",
    "NotAdmitted",
    "PayloadRefused",
    "PinMismatch",
    "ProviderError",
    "ResilientInferError",
    "Restarted",
    "Result",
    "StaleLock",
    "StreamInterrupted",
    "acall",
    "astream",
    "call",
    "stream",
]

_HOMES = {
    "AsyncClient": "resilient_infer.aclient",
    "acall": "resilient_infer.aclient",
    "astream": "resilient_infer.aclient",
    "call": "resilient_infer.client",
    "stream": "resilient_infer.client",
    "Client": "resilient_infer.client",
    "Result": "resilient_infer.core.result",
    "Delta": "resilient_infer.core.stream",
    "Restarted": "resilient_infer.core.stream",
    "Finished": "resilient_infer.core.stream",
}


def __getattr__(name: str) -> object:
    """Load what pulls in requests and the rest only when it is first named."""
    if name in _HOMES:
        from importlib import import_module

        value: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
