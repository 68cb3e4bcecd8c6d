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
    from resilient_infer.client import Client, call
    from resilient_infer.core.result import Result

__all__ = [
    "AliasNotLocked",
    "AllTargetsFailed",
    "AuthFailed",
    "CallError",
    "Client",
    "ConfigError",
    "DeadlineExceeded",
    "LockError",
    "NotAdmitted",
    "PayloadRefused",
    "PinMismatch",
    "ProviderError",
    "ResilientInferError",
    "Result",
    "StaleLock",
    "StreamInterrupted",
    "call",
]

_HOMES = {
    "call": "resilient_infer.client",
    "Client": "resilient_infer.client",
    "Result": "resilient_infer.core.result",
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
