"""Exit codes: what the shell is told, decided once for every error."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from resilient_infer.errors import (
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
)


class ExitCode(IntEnum):
    """The codes of every command.

    The last two are what a shell reports of a program that a signal ended: 128 + SIGINT, 128 + SIGPIPE.
    """

    OK = 0
    NO = 1
    """The answer is no: servers were asked, and refused or failed."""
    UNUSABLE = 2
    """What was given cannot be used: arguments, manifest, lock, payload, token variables."""
    UNKNOWN = 3
    """It could not be told: nobody was reached, or time ran out."""
    INTERRUPTED = 130
    OUTPUT_CLOSED = 141


_CODES: Final[Mapping[type[ResilientInferError], tuple[ExitCode, ExitCode]]] = {
    # error: (where a server answered, where none did)
    ConfigError: (ExitCode.UNUSABLE, ExitCode.UNUSABLE),
    LockError: (ExitCode.UNUSABLE, ExitCode.UNUSABLE),
    ProviderError: (ExitCode.UNUSABLE, ExitCode.UNUSABLE),
    PayloadRefused: (ExitCode.NO, ExitCode.UNUSABLE),
    PinMismatch: (ExitCode.NO, ExitCode.NO),
    AuthFailed: (ExitCode.NO, ExitCode.UNUSABLE),
    AllTargetsFailed: (ExitCode.NO, ExitCode.UNKNOWN),
    NotAdmitted: (ExitCode.UNKNOWN, ExitCode.UNKNOWN),
    DeadlineExceeded: (ExitCode.UNKNOWN, ExitCode.UNKNOWN),
    CallError: (ExitCode.UNKNOWN, ExitCode.UNKNOWN),
    ResilientInferError: (ExitCode.UNKNOWN, ExitCode.UNKNOWN),
}


def exit_code(error: ResilientInferError) -> ExitCode:
    """The code for an error; a class without a row has that of its nearest ancestor."""
    answered = isinstance(error, CallError) and any(record.status is not None for record in error.attempts)
    yes, no = next(_CODES[ancestor] for ancestor in type(error).__mro__ if ancestor in _CODES)
    return yes if answered else no
