"""Every error this library raises on purpose.

    ResilientInferError          .hint: what to do next
    ├─ ConfigError               .problems: all of them, each with file:line:column
    ├─ LockError
    │  ├─ AliasNotLocked         the alias is missing from the manifest or the lock
    │  └─ StaleLock              the manifest asks for another model or ref than the lock holds
    ├─ CallError                 .alias .attempts .elapsed .retry_after .last
    │  ├─ PayloadRefused         the request itself is at fault, or no route can express it
    │  ├─ PinMismatch            servers run another commit than the locked one
    │  ├─ AuthFailed             no credential was accepted, or its variable is not set
    │  ├─ NotAdmitted            nothing was sent: circuits open, limits reached
    │  ├─ DeadlineExceeded       time ran out
    │  ├─ AllTargetsFailed       every target gave up; __cause__ is the last real failure
    │  └─ StreamInterrupted      a streamed answer was cut after its first piece; .partial
    ├─ ProviderError             a plug-in is missing, claims a taken name, or broke its contract
    └─ AttemptFailed             one attempt; only ever the __cause__ of a CallError

Each can be pickled and sent to another process with all it knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from resilient_infer.core.attempt import AttemptRecord


def _rebuild(
    cls: type["ResilientInferError"],
    message: str,
    state: Mapping[str, object],
    cause: "ResilientInferError | None",
) -> "ResilientInferError":
    error = cls.__new__(cls, message)
    error.__dict__.update(state)
    if cause is not None:
        error.__cause__ = cause
    return error


class ResilientInferError(Exception):
    """Base of all errors here.

    Attributes:
        message: What went wrong, where and why.
        hint: What to do next; may be empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Pickle drops `__cause__`. One of ours is kept; a stranger may not be picklable.
        cause = self.__cause__ if isinstance(self.__cause__, ResilientInferError) else None
        return _rebuild, (type(self), self.message, self.__dict__, cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a file: where, what, why and what to do.

    Attributes:
        file: Path as the user gave it, or "" for a value that came from code.
        line: From 1; 0 if it concerns the whole file.
        column: From 1; 0 if it concerns the whole line.
        path: Keys down to the value, for example "models.chat.targets[0].name".
        what: The rest of the sentence; never quotes a secret.
    """

    file: str
    line: int
    column: int
    path: str
    what: str

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return ": ".join(part for part in (place, self.path, self.what) if part)


class ConfigError(ResilientInferError):
    """The manifest, the lock file or an argument is wrong. All problems are told at once.

    Attributes:
        problems: Each problem with its place.
    """

    def __init__(self, message: str, *, problems: tuple[Problem, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class LockError(ResilientInferError):
    """The lock does not cover what was asked for."""


class AliasNotLocked(LockError):
    """The alias is in no manifest, or has no entry in the lock. Nothing was sent."""


class StaleLock(LockError):
    """The lock holds another model or ref than the manifest asks for. Nothing was sent."""


class CallError(ResilientInferError):
    """A call that brought no answer.

    Attributes:
        alias: The name that was called.
        attempts: Every attempt and every skipped route, in order.
        elapsed: Seconds from the start of the call to this error.
        retry_after: Seconds after which a new call may fare better, or None if unknown.
        last: The last real failure of a server, or None if none answered.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        alias: str = "",
        attempts: tuple[AttemptRecord, ...] = (),
        elapsed: float = 0.0,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.alias = alias
        self.attempts = attempts
        self.elapsed = elapsed
        self.retry_after = retry_after

    @property
    def last(self) -> AttemptRecord | None:
        """The last attempt that was really made, or None if nothing was sent."""
        return next(
            (record for record in reversed(self.attempts) if record.number and not record.identity), None
        )


class PayloadRefused(CallError):
    """The request is at fault: it cannot be sent as it is, or a server refused its content."""


class PinMismatch(CallError):
    """Every server left says that it runs another commit than the locked one; none saw the payload, or
    its answer was thrown away."""


class AuthFailed(CallError):
    """No route has a credential that is set and accepted."""


class NotAdmitted(CallError):
    """Nothing was sent: every route's circuit is open or its limit reached. See `retry_after`."""


class DeadlineExceeded(CallError):
    """Time ran out before an answer came."""


class AllTargetsFailed(CallError):
    """Every target gave up; the last real failure is chained as `__cause__`."""


class StreamInterrupted(CallError):
    """A streamed answer was cut after something of it was shown, and nobody could begin it anew.

    Attributes:
        partial: The text that stands: all that was shown since the last `Restarted`.
        events: How many events the consumer was given.
    """

    partial: str = ""
    events: int = 0


class ProviderError(ResilientInferError):
    """A provider plug-in is missing, claims a name that is taken, or broke its contract."""


class AttemptFailed(ResilientInferError):
    """What one attempt came to; only ever the `__cause__` of a `CallError`.

    Attributes:
        record: The attempt.
    """

    def __init__(self, record: AttemptRecord) -> None:
        super().__init__(f"{record.route}: {record.outcome}: {record.reason}")
        self.record = record
