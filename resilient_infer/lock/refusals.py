"""Refusals: why a model cannot be locked, in the codes of the findings."""

from collections.abc import Mapping
from typing import Final

from resilient_infer.lock.answers import HubFault, HubFaultKind
from resilient_infer.lock.findings import ALIAS, Said

UPDATE: Final = f"to take what is there now: resilient-infer update {ALIAS}"

_REFUSALS: Final[Mapping[HubFaultKind, tuple[str, str]]] = {
    HubFaultKind.REPO_GONE: (
        "RI202",
        "check the name; a private repo needs a token that may read it (HF_TOKEN)",
    ),
    HubFaultKind.REVISION_GONE: ("RI201", "check the branch, tag or commit"),
    HubFaultKind.FILE_GONE: ("RI207", "ask the owner of the repo, or choose another revision"),
    HubFaultKind.GATED: ("RI205", "accept its terms on the Hub and set a token that may read it (HF_TOKEN)"),
    HubFaultKind.DISABLED: ("RI206", "choose another model"),
    HubFaultKind.DENIED: ("RI900", "check the token (HF_TOKEN)"),
    HubFaultKind.UNTOLD: ("RI900", "nothing is changed; run it again later"),
}


def refusal(model: str, requested: str, revision: str | None, fault: HubFault) -> Said:
    """What is said of a model that was to be locked.

    Args:
        revision: The commit that a lock written by hand names; None: it was asked for by `requested`.
    """
    code, hint = _REFUSALS[fault.kind]
    if revision is not None and fault.kind is HubFaultKind.REVISION_GONE:
        hint = f"the lock names this commit; {UPDATE}"
    return Said(code=code, message=f"{model}@{revision or requested}: {told(fault)}", hint=hint)


def told(fault: HubFault) -> str:
    """A fault in one line: what it means, and what was seen."""
    if fault.kind is HubFaultKind.UNTOLD:
        return fault.reason
    return f"{fault.kind.value} ({fault.reason})"


def other_repo(model: str, locked: str, answering: str) -> Said:
    """The name belongs to another repo than the one that was locked."""
    return Said(
        code="RI204",
        message=f"{model} now belongs to another repo: {locked} was locked, {answering} answers",
        hint="find out what happened; if the new repo is meant, "
        'delete the entry from the lock and run "resilient-infer lock"',
    )
