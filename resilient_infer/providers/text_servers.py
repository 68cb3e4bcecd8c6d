"""Text servers: what TGI and TEI, two servers of one house, have in common.

Both ignore a field that they do not know and say nothing of it, both tell
their counts in headers, and both refuse for limits of their own what another
server would take.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.core.task import Json
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.known import meant

_DIGITS: Final = 12
"""Digits of the largest count of tokens that is believed."""


def spoken(server: str, task: str, given: Mapping[str, Json], known: Collection[str]) -> dict[str, Json]:
    """The parameters, if the server knows them all. A null is left out: not every field may be one.

    Raises:
        Unfit: It would ignore some.
    """
    parameters: dict[str, Json] = {name: value for name, value in given.items() if value is not None}
    unknown = sorted(parameters.keys() - set(known))
    if unknown:
        raise Unfit(f"{server}'s {task} has no {', '.join(meant(name, known) for name in unknown)}")
    return parameters


def counted(headers: Mapping[str, str], name: str) -> int | None:
    """The count of tokens in a header, or None if it tells none."""
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def only_here(failure: Failure, limits: re.Pattern[str]) -> Failure:
    """A failure by the general table, but for requests that only this server refuses.

    Args:
        limits: What such a server says of its own limits, or of what its model is not made for.
    """
    if failure.kind not in (FailureKind.BAD_REQUEST, FailureKind.SERVER_ERROR):
        return failure
    # What is larger than this server reads may be small to another.
    if failure.status == 413 or limits.search(failure.reason):
        return replace(failure, kind=FailureKind.UNSUPPORTED)
    return failure
