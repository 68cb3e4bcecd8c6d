"""Pinning: what may be claimed about the commit that answered?

Pure. A null, a branch name or an absent field is "not attested", never "ok";
only 40 hex digits say anything.
"""

import re
from typing import Final

from resilient_infer.core.target import Pin, Target

KEPT: Final = 60.0
"""Seconds for which a server's word about its commit holds before it is asked again."""

IDENTITY_TIMEOUT: Final = 2.0
"""Seconds that the question may take at the most: it must not eat the deadline of the payload."""

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


def commit_in(text: object) -> str | None:
    """A full commit, in lower case, or None for anything else."""
    if not isinstance(text, str):
        return None
    lower = text.lower()
    return lower if _COMMIT.fullmatch(lower) else None


def differs(target: Target, reported: str | None) -> bool:
    """Whether a server says that it runs another commit than the locked one."""
    return reported is not None and target.revision is not None and reported != target.revision


def strength(target: Target, reported: str | None, *, enforced: bool) -> Pin:
    """How strongly an answer is tied to the target's revision.

    Args:
        reported: The commit the server says it runs; None: it does not say.
        enforced: The request named the commit.
    """
    if target.revision is None or reported is None:
        return target.pin
    if reported != target.revision:
        return Pin.FLOATING
    return Pin.ENFORCED if enforced else Pin.ATTESTED
