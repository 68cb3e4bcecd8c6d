"""Testimony: what a server says of itself before it is given any work.

Asked with a request of its own (`Identity`) that carries nothing of the
payload, so that a server which runs another commit never sees it.
"""

from dataclasses import dataclass
from typing import Final

from resilient_infer.core.http import HttpRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The question "which commit do you run?".

    Attributes:
        elsewhere: It is put to another host than the one that answers payloads; that host's
            failures say nothing of the server.
    """

    request: HttpRequest
    elsewhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that a server takes, by its own word; None: it does not say.

    Attributes:
        inputs: Inputs in one request.
        context: Tokens of question and answer together.
    """

    inputs: int | None = None
    context: int | None = None


UNSAID: Final = Limits()
"""A server that tells no maxima."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """What a server said, or that it said nothing.

    Attributes:
        commit: Full 40-hex commit it runs; None: it did not say, and nothing is attested.
        until: Monotonic seconds after which it has to be asked again.
    """

    commit: str | None = None
    limits: Limits = UNSAID
    until: float = 0.0
